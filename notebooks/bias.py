# %% [markdown]
# # What is biased, and what is missing
#
# 5,000 rows of metadata of a face dataset (FairFace, CC BY 4.0), without its images: which factors go along with the
# label, which combinations are rare, and a split that keeps the shares. The folder with the file is in
# `DATAEVAL_SPARK_DATA`.

# %%
import csv
import os
from pathlib import Path

labels = Path(os.environ["DATAEVAL_SPARK_DATA"]) / "fairface_meta" / "labels.csv"
rows = list(csv.DictReader(labels.open()))
print(len(rows), "rows, such as", rows[0])

# %% [markdown]
# The images are not here, which only matters to what looks at pixels: each becomes a row of `images` whose file cannot
# be read. A person's age, race and the set that the picture came from are factors; gender is the label.

# %%
import pyarrow as pa
import pyarrow.parquet as pq

columns = {name: [row[name] for row in rows] for name in ("age", "race", "service_test")}
table = pa.table({"path": [row["file"] for row in rows], "class_name": [row["gender"] for row in rows], **columns})
pq.write_table(table, "faces.parquet")

# %%
from dataeval_spark import Audit

audit = Audit("my_audit")
audit.ingest("faces.parquet", format="table", dataset="faces")

# %%
steps = "factor_bins label_stats contingency balance diversity parity coverage_gaps".split()
audit.analyze(*steps)

# %% [markdown]
# Values are taken as they are written. A spreadsheet has made dates of two groups of ages, and the table of bins shows
# it at once: `03-Sep` is 3-9, `Oct-19` is 10-19.

# %%
audit.spark.sql(
    "SELECT label AS age, n AS rows FROM {edges} WHERE factor = 'age' ORDER BY label",
    edges=audit.table("bin_edges"),
).show(truncate=False)

# %% [markdown]
# What goes along with gender? `score` is mutual information corrected for chance, 0 to 1: little here. Of two factors
# with one another it is little too.

# %%
audit.table("balance").where("kind != 'class'").select(
    "kind", "factor_a", "factor_b", "score", "adjusted_pvalue", "is_flagged"
).orderBy("score", ascending=False).show(truncate=False)

# %% [markdown]
# `parity` asks the same as a test: bias-corrected Cramér's V, and which cells are too small to say anything.

# %%
audit.table("parity").select("factor", "score", "adjusted_pvalue", "low_expected_cells").show(truncate=False)

# %% [markdown]
# Diversity: 1 where all values are equally frequent. Ages are not.

# %%
audit.table("diversity").where("class_name IS NULL").select("factor", "diversity", "is_low").show(truncate=False)

# %% [markdown]
# What is missing? Combinations that are rarer than they should be although each of their parts is there, and how many
# images would close the gap.

# %%
audit.table("coverage_gaps").select("pattern", "n", "images_needed").orderBy("rank").show(12, truncate=False)

# %% [markdown]
# A split that keeps the shares of gender, race and age in every part, the last part a hold-out that is read with a
# reason only.

# %%
audit.split("main", method="stratified", stratify_by=["class_name", "race", "age"], guard=["test"])
audit.analyze("split_leakage", "split_differences")
print(audit.table("split_leakage").where("split_name = 'main'").count(), "leaks")
audit.table("split_differences").where("split_name = 'main'").select(
    "kind", "subject", "split_a", "split_b", "l_infinity", "adjusted_pvalue"
).orderBy("l_infinity", ascending=False).show(8, truncate=False)

# %%
audit.spark.stop()
