"""Write what Spark answers: ``python -m tests.conformance.record``, with Java."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from dataeval_spark.session import engines
from tests.conformance.data import write_data
from tests.conformance.engine import SUBJECTS, results

FOLDER = Path(__file__).with_name("recorded")


def recorded(subject: str) -> dict[str, Any]:
    """What Spark has answered to the cases of a subject."""
    path = FOLDER / f"{subject}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def main() -> None:
    """Ask Spark, and write one file for each subject, one line for each case."""
    spark = engines.local("dataeval_spark conformance", cores=2, memory="2g", settings={})
    spark.conf.set("spark.sql.ansi.enabled", "true")
    spark.conf.set("spark.sql.session.timeZone", "Pacific/Auckland")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        path = write_data(Path(folder))
        for subject in SUBJECTS:
            made = results(spark, path, subject)
            lines = [f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=True)}" for name, value in made.items()]
            (FOLDER / f"{subject}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
            print(subject, len(made), [name for name, value in made.items() if "error" in value])
    spark.stop()


if __name__ == "__main__":
    main()
