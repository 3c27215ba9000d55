"""A workspace with everything in it, of 150 demo images and 22 later ones.

The fixture `audited` fills it in the session of the tests; a process of its own fills it on the embedded engine:
`python -m tests.small_audit IMAGES WORKSPACE`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dataeval_spark.audit import Audit
from dataeval_spark.demo import make_demo_images
from dataeval_spark.session.embedded import embedded


def fill(audit: Audit, images: Path) -> Audit:
    """Run all verbs on the images, which are made where they are not there yet."""
    files = make_demo_images(images, count=150, processes=2)
    with audit.one_run("test", {}):
        audit.ingest(
            str(files.source), annotations=str(files.annotations), metadata=str(files.metadata), dataset="demo"
        )
        audit.ingest(str(files.later_source), annotations=str(files.later_annotations), dataset="later")
        audit.profile(encoder="thumbnail").analyze().compare("dataset=demo", "dataset=later").snapshot("first")
    return audit


if __name__ == "__main__":
    fill(Audit(sys.argv[2], embedded(cores=2)), Path(sys.argv[1]))
