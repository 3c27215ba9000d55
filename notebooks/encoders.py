# %% [markdown]
# # Encoders
#
# Vectors of images: with the encoder that needs no model, and with a model of your own. Names, preprocessing and figures: docs/encoders.md.

# %%
from pathlib import Path

from dataeval_spark import Audit
from dataeval_spark.demo import make_demo_images

files = make_demo_images(Path("images"), count=120, processes=2)
audit = Audit("my_audit")
audit.ingest(str(files.source), dataset="demo").profile(encoder="hog_color")

# %% [markdown]
# Any model that torch can trace becomes an encoder: one file, and a text file beside it that says what it expects of an image. This one has random weights; load yours instead.

# %%
import warnings

import torch

warnings.simplefilter("ignore", FutureWarning)  # TorchScript is old
torch.manual_seed(0)
model = torch.nn.Sequential(
    torch.nn.Conv2d(3, 16, 5, stride=2),
    torch.nn.ReLU(),
    torch.nn.Conv2d(16, 32, 5, stride=2),
    torch.nn.ReLU(),
    torch.nn.AdaptiveAvgPool2d(2),
    torch.nn.Flatten(),
).eval()
path = Path("model.pt").resolve()
torch.jit.trace(model, torch.zeros(2, 3, 64, 64)).save(str(path))
Path(f"{path}.preprocessing.toml").write_text("resize = 72\ncrop = 64\n")

audit.profile(encoder=f"torchscript:{path}", batch_size=32)

# %% [markdown]
# Vectors of both encoders are kept side by side. The version is a hash of the weights and the preprocessing: a changed file is a new version, and its images are embedded anew.

# %%
from pyspark.sql import functions as F

kind = F.element_at(F.split("encoder", ":"), 1).alias("encoder")
audit.table("embeddings").groupBy(kind, "encoder_version").agg(
    F.count("*").alias("vectors"), F.max(F.size("embedding")).alias("dimension")
).orderBy("encoder").show()

# %% [markdown]
# Are the vectors fit for what is built on them?

# %%
audit.analyze("embedding_health")
audit.table("dataset_findings").where("step = 'embedding_health'").select(
    F.element_at(F.split("subject", ":"), 1).alias("encoder"),
    "rule",
    F.round("value", 3).alias("value"),
    "threshold",
    "severity",
).orderBy("encoder", "rule").show(40, truncate=False)

# %% [markdown]
# A statistic of your own is a function of the decoded pixels (height, width, channels), named `module:function`. It runs
# in the same decode as everything else, and its numbers become columns `custom_...` of `image_stats`.

# %%
Path("my_statistics.py").write_text('''
def warmth(pixels):
    """How much more red than blue there is, and the share of pixels that are nearly white."""
    pixels = pixels.astype(float)
    return {"red_minus_blue": pixels[..., 0].mean() - pixels[..., -1].mean(), "white": (pixels > 250).all(axis=-1).mean()}
''')
audit.profile(encoder="hog_color", statistics=["my_statistics:warmth"])
audit.table("image_stats").where("target_index IS NULL").select(
    "image_id",
    F.round("custom_warmth_red_minus_blue", 2).alias("red_minus_blue"),
    F.round("custom_warmth_white", 4).alias("white"),
).orderBy("red_minus_blue", ascending=False).show(3, truncate=False)

# %% [markdown]
# In SQL, the same model on any column that holds the bytes of image files:

# %%
from dataeval_spark import register_functions

register_functions(audit.spark, encoder=f"torchscript:{path}")
picture = next(Path("images").rglob("*.png"))
audit.spark.sql(f"""
SELECT de_phash(content) AS phash, slice(de_embed(content), 1, 3) AS first_numbers
FROM binaryFile.`{picture.resolve()}`""").show(truncate=False)

# %%
audit.spark.stop()
