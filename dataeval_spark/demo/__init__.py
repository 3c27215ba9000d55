"""The demo: real images with known faults planted in them, and the score of the analyses.

Example
-------
>>> import tempfile
>>> from pathlib import Path
>>> demo = make_demo_images(Path(tempfile.mkdtemp()), count=40, processes=1)
>>> read_plants(demo.planted)[-1].kind
'shifted_brightness'
"""

from dataeval_spark.demo.images import DemoFiles, make_demo_images
from dataeval_spark.demo.plan import Plant, read_plants
from dataeval_spark.demo.score import PlantScore, format_scores, score_plants

__all__ = ["DemoFiles", "Plant", "PlantScore", "format_scores", "make_demo_images", "read_plants", "score_plants"]
