# %% [markdown]
# # Quickstart
#
# What is in an image dataset? Demo images with known faults, three lines, and SQL.

# %%
from pathlib import Path
from dataeval_spark.demo import make_demo_images

files = make_demo_images(Path("images"), count=300, processes=2)

# %%
from dataeval_spark import Audit

audit = Audit("my_audit")
audit.ingest(str(files.source), annotations=str(files.annotations), metadata=str(files.metadata), dataset="demo")
audit.run(options={"profile": {"encoder": "thumbnail"}})

# %% [markdown]
# Every result is a table. Which images are duplicates, and which one is kept?

# %%
audit.table("duplicate_groups").select("group_id", "image_id", "kinds", "is_kept", "reason").show(6, 60)

# %% [markdown]
# Raw scores are kept, so another threshold is a query and no new job:

# %%
audit.spark.sql(
    """
SELECT image_id, round(perceived_brightness_p99, 2) AS brightness
FROM {stats}
WHERE target_index IS NULL AND perceived_brightness_p99 < 0.5
ORDER BY brightness LIMIT 5""",
    stats=audit.table("image_stats"),
).show(truncate=False)

# %% [markdown]
# Pin this state, then look at the report.

# %%
audit.snapshot("first-look")
report = audit.report("report.html")

# %%
audit.spark.stop()
