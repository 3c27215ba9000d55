"""A class-data archive: the JVM maps Spark's classes, parsed and verified once, instead of loading them at each start.

Made once by ``make setup`` (about a minute and 250 MB beside the Delta jars); used by local sessions where it is
there. A JVM that finds it made by another Java, or with other jars, ignores it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from dataeval_spark import java, session
from dataeval_spark.errors import SetupError

SECONDS = 600
WARM_UP_IMAGES = 60


def make() -> Path:
    """Run everything once on a few images, and keep the classes that were loaded.

    Raises
    ------
    SetupError
        Java or the jars are missing, or the archive could not be made.
    """
    target = session.class_archive(java.require_java())
    part = target.with_suffix(".part")
    part.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(part)], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode != 0 or not part.is_file():
        raise SetupError(
            f"The class archive could not be made: {(done.stderr or done.stdout).strip()[-500:]}\n"
            "Hint: everything works without it; Spark only starts more slowly."
        )
    part.replace(target)
    return target


def _load_classes(archive: str) -> None:
    from dataeval_spark.audit import Audit
    from dataeval_spark.demonstration import run_demo

    with tempfile.TemporaryDirectory() as place:
        spark = session.local(archive_at_exit=archive)
        workspace = str(Path(place) / "workspace")
        run_demo(lambda: Audit(workspace, spark, echo=_silent), workspace, count=WARM_UP_IMAGES, echo=_silent)
        session.stop_and_wait(spark)


def _silent(line: str) -> None:
    """The warm-up says nothing."""


if __name__ == "__main__":
    _load_classes(sys.argv[1])
