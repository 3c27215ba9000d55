# %% [markdown]
# # Review duplicates and labels
#
# What should a person look at, and what becomes of what they decide? Demo images with planted faults; your own folder
# works the same way.

# %%
from pathlib import Path

from dataeval_spark import Audit
from dataeval_spark.demo import make_demo_images

files = make_demo_images(Path("images"), count=300, processes=2)
audit = Audit("my_audit")
audit.ingest(str(files.source), annotations=str(files.annotations), metadata=str(files.metadata), dataset="demo")
audit.profile(encoder="hog_color", per_target=True)
audit.analyze(
    *"duplicates neighbors label_neighbors image_findings outliers clusters".split(),
    options={"duplicates": {"phash_distance": 8}},
)

# %% [markdown]
# One list of what to look at, with all reasons, the gravest first. It is a SQL view: `dataeval-spark views --create`
# makes it in a catalog.

# %%
from dataeval_spark.verbs.views import statements

audit.spark.sql(statements(audit.workspace)["v_review_queue"])
audit.spark.sql("SELECT * FROM v_review_queue").show(8, truncate=60)

# %% [markdown]
# `audit.gallery` shows the pictures of any rows that have an `image_id`. Duplicates, the kept one of each group first:

# %%
groups = audit.table("duplicate_groups").select("image_id", "target_index", "group_id", "is_kept", "reason")
audit.gallery(groups.orderBy("group_id", "is_kept", ascending=[True, False]), most=8)

# %% [markdown]
# Labels that those of the most similar boxes make least probable. `label_errors` would list those of which two in five are
# estimated to be wrong, and lists none of so few images; `label_scores` has every label, the worst first:

# %%
doubtful = audit.table("label_scores").where("source = 'hog_color'")
doubtful = doubtful.select("rank", "image_id", "target_index", "class_name", "suggested_class", "score")
audit.gallery(doubtful.orderBy("rank"), most=8)

# %% [markdown]
# A decision is a row. Here the first three are left out, as a person might after looking; decisions are kept beside the
# audit, and everything else follows from them.

# %%
decisions = doubtful.orderBy("rank").limit(3).selectExpr("image_id", "'leave out' AS decision", "suggested_class")
decisions.write.mode("overwrite").parquet("decisions")
decided = audit.spark.read.parquet("decisions")
decided.show(truncate=False)

# %% [markdown]
# Leave out what is bad, keep the rest under a name, and write it for a training pipeline:

# %%
listed = ", ".join(f"'{row.image_id}'" for row in decided.collect())
audit.select(
    "clean",
    [
        {"operation": "drop_duplicates"},
        {"operation": "drop_findings", "rules": ["blurry", "dark"]},
        {"operation": "where", "condition": f"image_id NOT IN ({listed})"},
    ],
)
audit.export("clean", selection="clean", format="coco")
print(sorted(path.name for path in Path("clean").iterdir()))

# %%
audit.spark.stop()
