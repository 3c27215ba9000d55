"""Every error that this package raises, built from facts, so that messages are worded in one place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches

# Commands that fill tables, but for those that `analyze` fills; {} is the workspace.
_COMMANDS = {
    "ingest --workspace {} SOURCE": ("images", "targets", "ingest_findings", "source_files", "runs"),
    "ingest --workspace {} SOURCE --metadata FILE": ("factors",),
    "ingest --workspace {} --predictions FILE": ("predictions", "prediction_classes"),
    "ingest --workspace {} --ratings FILE": ("annotations",),
    "profile --workspace {}": (
        *("image_stats", "channel_stats", "channel_group_stats", "background_stats", "hashes", "unreadable_images"),
    ),
    "profile --workspace {} --encoder hog_color": ("embeddings",),
    "split --workspace {} --name NAME": (*("splits", "split_assignments", "split_strata", "split_representativeness"),),
    "select --workspace {} --name NAME --operation OPERATION": (
        *("selections", "selection_members", "selection_removals"),
    ),
    "compare --workspace {} --reference REF --current REF": (
        *("drift_metrics", "feature_distance", "label_parity", "label_reconciliation", "null_model"),
    ),
    "snapshot --workspace {} create NAME": ("snapshots",),
}
FILLED_BY = {table: command for command, tables in _COMMANDS.items() for table in tables}

# What brings a Python package of Spark, which the base install leaves to the machine that it is installed on.
FOR_EMBEDDED = "pip install 'dataeval_spark[embedded]'"
FOR_SPARK = "pip install 'dataeval_spark[spark]'"
FOR_EITHER = f"{FOR_EMBEDDED}, or for --engine spark, with Java: {FOR_SPARK}"


def filling_command(table: str, location: str) -> str:
    """Command that fills a table of a workspace, as it is typed; words in capitals are the user's."""
    return f"dataeval-spark {FILLED_BY.get(table, 'analyze --workspace {}').format(location)}"


# What comes before the message where an error has passed through Java, or through a Python worker of Spark.
_CALLED = re.compile(r"An error occurred while calling [^\n]*\n(?:: )?")
_TRACEBACK = "Traceback (most recent call last)"
_ERROR_CLASS = re.compile(r"^\[[A-Z0-9_.]+\] |\.? ?SQLSTATE: \w{5}")
_CLASS = re.compile(r"\b(?:java|javax|scala|org|io|com|pyspark|dataeval_spark)\.(?:[a-z]\w*\.)*[A-Z][\w$]*: ")


def first_line(error: BaseException, otherwise: str | None = None) -> str:
    """First line of an error's message; of an error without one, the name of its class or ``otherwise``.

    What an engine puts around the message is left out: the object that it called, classes of Java and of errors, and
    the traceback of a worker.

    Examples
    --------
    >>> first_line(OSError("An error occurred while calling o55.load.\\n: java.io.IOException: No space left"))
    'No space left'
    """
    text = str(error).strip()
    if _TRACEBACK in text:
        after = text[text.rindex(_TRACEBACK) :].splitlines()[1:]
        text = next((line for line in after if re.match(r"[\w.]+(: |$)", line)), text)
    text = _ERROR_CLASS.sub("", _CLASS.sub("", _CALLED.sub("", text, count=1)))
    return next(iter(text.splitlines()), type(error).__name__ if otherwise is None else otherwise)


def is_read_only(error: BaseException | str) -> bool:
    """Whether an error says, in the words of the system or of an engine, that a file system is read-only."""
    return "Read-only file system" in str(error) or "ReadOnlyFileSystem" in str(error)


def is_no_space(error: BaseException | str) -> bool:
    """Whether an error says, in the words of the system or of an engine, that a disk is full."""
    return any(words in str(error) for words in ("No space left on device", "Disk quota exceeded"))


class DataEvalError(Exception):
    """Base class: catch it to catch everything the package raises on purpose."""


class OptionError(DataEvalError, ValueError):
    """An option has a value that it cannot have."""

    @classmethod
    def unless_one_of(cls, option: str, value: str, allowed: Sequence[str]) -> None:
        if value not in allowed:
            if not allowed:
                raise cls(f"{option} is {value!r}; the workspace has none to choose from yet.")
            near = get_close_matches(str(value).lower(), allowed, n=1) or allowed[:1]
            raise cls(f"{option} is {value!r}; expected one of {list(allowed)}.\nHint: {option} = {near[0]!r}")

    @classmethod
    def unless_between(cls, option: str, value: float, low: float, high: float) -> None:
        if not low <= value <= high:
            nearest = max(low, min(value, high))
            raise cls(f"{option} is {value}; expected a number in [{low}, {high}].\nHint: {option} = {nearest}")


class ConfigError(DataEvalError, ValueError):
    """A configuration file or a --set override cannot be used."""

    @classmethod
    def unknown(cls, what: str, name: str, allowed: Iterable[str], where: str) -> ConfigError:
        names = sorted(allowed)
        near = get_close_matches(name, names, n=1)
        hint = f"\nHint: did you mean {near[0]!r}?" if near else ""
        return cls(f"{where}: unknown {what} {name!r}; expected one of {', '.join(names)}.{hint}")


class EmbeddingError(DataEvalError, ValueError):
    """Vectors cannot be compared with one another."""

    @classmethod
    def not_finite(cls, names: Sequence[str]) -> EmbeddingError:
        more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
        return cls(
            f"The embedding of {', '.join(names[:5])}{more} holds NaN, infinity or nothing; expected numbers.\n"
            "Hint: look at the images and the encoder, then run dataeval-spark profile again."
        )

    @classmethod
    def of_other_length(cls, lengths: Sequence[tuple[str, int]], expected: int) -> EmbeddingError:
        vectors = ", ".join(f"{name} ({length})" for name, length in lengths)
        return cls(
            f"These embeddings have another length than the rest: {vectors}; expected {expected}.\n"
            "Hint: run dataeval-spark profile again, so that all come from one version of the encoder."
        )

    @classmethod
    def of_versions(cls, encoder: str, versions: Sequence[str]) -> EmbeddingError:
        return cls(
            f"The embeddings of encoder {encoder!r} come from versions {', '.join(versions)}; expected one version.\n"
            f"Hint: dataeval-spark profile --encoder {encoder}"
        )


class SetupError(DataEvalError, RuntimeError):
    """Something that the product needs is missing on this machine."""


class SparkMissingError(SetupError, ImportError):
    """The Python package of Spark is not installed."""


@contextmanager
def spark_needed() -> Iterator[None]:
    """Within it, the lack of Spark's Python package is an error that names what brings it.

    Examples
    --------
    >>> with spark_needed():
    ...     from pyspark.sql import DataFrame
    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "pyspark":
            raise
        raise SparkMissingError(
            f"Spark's Python package cannot be imported: {first_line(error)}.\nHint: {FOR_EITHER}"
        ) from error


class MissingExtraError(DataEvalError, ImportError):
    """An optional dependency is not installed."""

    @classmethod
    def from_package(cls, package: str, extra: str) -> MissingExtraError:
        return cls(f"{package} is not installed.\nHint: pip install 'dataeval_spark[{extra}]'")


class EncoderError(DataEvalError, RuntimeError):
    """An encoder cannot be loaded, or does not give a vector per image."""

    @classmethod
    def unsafe(cls, path: str, kind: str, expected: str) -> EncoderError:
        return cls(
            f"{path} is {kind}; loading it would run code that nobody has vetted. Expected {expected}.\n"
            "Hint: torch.jit.trace(model.eval(), example).save('model.pt'), then torchscript:model.pt"
        )

    @classmethod
    def unloadable(cls, name: str, error: BaseException, hint: str) -> EncoderError:
        return cls(f"Encoder {name!r} cannot be loaded: {type(error).__name__}: {first_line(error)}\nHint: {hint}")

    @classmethod
    def changed(cls, name: str, expected: str, version: str) -> EncoderError:
        return cls(
            f"Encoder {name!r} has version {version} on this worker; expected {expected}, as on the driver.\n"
            "Hint: put the same model file and the same package versions on all machines."
        )

    @classmethod
    def of_shape(cls, name: str, shape: str) -> EncoderError:
        return cls(
            f"Encoder {name!r} gives {shape}; expected one vector of floats per image: (images, dimension).\n"
            "Hint: pool and flatten inside the model."
        )

    @classmethod
    def out_of_memory(cls, name: str, shape: Sequence[int]) -> EncoderError:
        size = " x ".join(map(str, shape))
        return cls(
            f"Encoder {name!r}: the device's memory does not hold one image of {size}.\n"
            "Hint: set half_precision, a smaller crop, or run fewer tasks per GPU (spark.task.resource.gpu.amount)."
        )

    @classmethod
    def no_device(cls, address: str, count: int, visible: str) -> EncoderError:
        return cls(
            f"Spark assigned GPU {address!r} to the task; this process sees {count} {'GPU' if count == 1 else 'GPUs'}"
            f"{f' (CUDA_VISIBLE_DEVICES={visible})' if visible else ''}.\n"
            "Hint: let the discovery script print indices of GPUs that the executors see."
        )


class IngestError(DataEvalError, ValueError):
    """A source cannot be ingested at all."""


class OntologyError(DataEvalError, ValueError):
    """An ontology or a mapping of classes cannot be used."""


class ExportError(DataEvalError, RuntimeError):
    """A selection cannot be written as a dataset."""


class PredictionError(DataEvalError, ValueError):
    """Predictions cannot be compared with labels."""

    @classmethod
    def of_row(cls, image_id: str, target_index: int | None, probabilities: int, classes: int) -> PredictionError:
        fault = f"{probabilities} probabilities" if probabilities != classes else "a probability that is not in [0, 1]"
        return cls(
            f"The prediction for {image_id!r} (target {target_index}) has {fault}; expected {classes} in [0, 1].\n"
            "Hint: ingest the predictions again, which leaves such rows out and counts them."
        )

    @classmethod
    def of_classes(cls, model: str, classes: int, most: int) -> PredictionError:
        return cls(
            f"Model {model!r} predicts {classes:,} classes; expected at most {most:,}: classes x classes are counted.\n"
            "Hint: sum the probabilities of classes that belong together."
        )


class RatingError(DataEvalError, ValueError):
    """Ratings cannot be compared."""

    @classmethod
    def of_many(cls, raters: int, classes: int, most: int) -> RatingError:
        return cls(
            f"{raters:,} raters and {classes:,} classes make {raters * classes * classes:,} shares to estimate; "
            f"expected at most {most:,}.\n"
            "Hint: put raters who labelled little together under one name, or classes that belong together."
        )


class WorkspaceError(DataEvalError, RuntimeError):
    """A workspace cannot be opened, read or written."""


class WorkspaceMissingError(WorkspaceError):
    """There is no workspace where one is named."""

    @classmethod
    def at(cls, location: str, near: Sequence[str]) -> WorkspaceMissingError:
        """Refusal that names the nearest of the workspaces beside it."""
        close = get_close_matches(location.rpartition("/")[2], near, n=1)
        found = f"did you mean {close[0]!r}?" if close else f"dataeval-spark ingest --workspace {location} SOURCE"
        return cls(f"There is no workspace at {location}; expected its tables images and runs.\nHint: {found}")


class TableMissingError(WorkspaceError):
    """A table that is needed has not been filled yet."""

    @classmethod
    def from_table(cls, table: str, location: str, command: str) -> TableMissingError:
        return cls(f"Table {table!r} does not exist in workspace {location}.\nHint: {command}")


class SchemaError(WorkspaceError):
    """An existing table differs from its contract."""


class WorkspaceBusyError(WorkspaceError):
    """Another run is working on the workspace."""


class SnapshotError(WorkspaceError):
    """A snapshot cannot be made, found or read."""

    @classmethod
    def missing(cls, name: str, names: Sequence[str], location: str) -> SnapshotError:
        """Refusal of a name: the hint is the nearest of those that there are."""
        near = get_close_matches(name, names, n=1, cutoff=0.5)
        there = f"there are {', '.join(names[:10])}" if names else "there is none yet"
        command = f"dataeval-spark snapshot --workspace {location}"
        hint = f"did you mean {near[0]!r}?" if near else f"{command} {'list' if names else f'create {name}'}"
        return cls(f"There is no snapshot {name!r} in workspace {location}; {there}.\nHint: {hint}")


class HoldoutError(WorkspaceError):
    """A guarded part cannot be read without a reason."""

    @classmethod
    def closed(cls, split: str, part: str, opened: str, steps: Sequence[str] = ()) -> HoldoutError:
        """Refusal of a part: ``opened`` says how often it was read; ``steps`` would have read its labels."""
        readers = f" These steps would read its labels, and were not run: {', '.join(steps)}." if steps else ""
        return cls(
            f"Part {part!r} of split {split!r} is guarded: every reading needs a reason, because each one makes it a "
            f"weaker test ({opened} so far).{readers}\n"
            "Hint: --open-guarded REASON (open_guarded=... in Python); the reason is written to the table runs"
        )


class DiskFullError(WorkspaceError):
    """There is no room to write."""

    @classmethod
    def of(cls, action: str, location: str, disk: str) -> DiskFullError:
        """Refusal that says how much room there is on the fullest ``disk``."""
        return cls(
            f"Could not {action} in workspace {location}: no space left on the disk ({disk}). Tables are as they were "
            "before.\n"
            "Hint: make room there, or name another folder for temporary files (--scratch DIRECTORY, TMPDIR), then run "
            "the same command again"
        )


class ReadOnlyError(WorkspaceError):
    """A workspace, or a place for files, can be read and not written."""

    @classmethod
    def of(cls, action: str, location: str, reason: str) -> ReadOnlyError:
        return cls(
            f"Could not {action} in workspace {location}: {reason}.\n"
            f"Hint: make it writable, or work on a copy: cp -r {location} COPY. These only read it: report, export, "
            "search, views, and snapshot list, show, diff, verify and export"
        )

    @classmethod
    def of_output(cls, action: str, location: str, place: str | None) -> ReadOnlyError:
        """Refusal of another place than the workspace, by its name where it is known."""
        where = f"{place} is on a disk" if place else "a folder that it writes to is on a disk"
        return cls(
            f"Could not {action} in workspace {location}: {where} that is read-only.\n"
            "Hint: name another folder to write to, or for temporary files: --scratch DIRECTORY, TMPDIR"
        )


class EngineEndedError(DataEvalError, RuntimeError):
    """The engine ended in the middle of the work."""

    @classmethod
    def of(cls, what: str, action: str, location: str) -> EngineEndedError:
        """Error about an engine; ``what`` is the sentence that says which one ended, and how."""
        return cls(
            f"Could not {action} in workspace {location}: {what}. Tables are as they were before.\n"
            "Hint: run the same command again; where memory is short, the system kills what uses most of it: "
            "DATAEVAL_SPARK_MEMORY=2g sets a limit"
        )


class TooManyRowsError(DataEvalError, RuntimeError):
    """More rows came to the driver than their bound allows."""

    @classmethod
    def unless_within(cls, bound: str, rows: int, at_most: int) -> None:
        if rows > at_most:
            raise cls(
                f"{rows:,} rows came to the driver; expected {bound}, at most {at_most:,}.\n"
                "Hint: leave out factors with a value of their own for each image, such as ids and file names."
            )


class NotEnoughMemoryError(DataEvalError, RuntimeError):
    """The embedded engine needed more memory than it may use."""

    @classmethod
    def of(cls, used: int, limit: str) -> NotEnoughMemoryError:
        return cls(
            f"The embedded engine was stopped: it used {used / 2**20:,.0f} MB of memory, {limit}.\n"
            "Hint: --engine spark, which puts on disk what does not fit; or another limit: DATAEVAL_SPARK_MEMORY=16g"
        )


class StepFailedError(DataEvalError, RuntimeError):
    """A step failed inside Spark; the engine's error is the cause."""

    @classmethod
    def from_error(
        cls, step: str, reads: Sequence[str], writes: Sequence[str], error: BaseException
    ) -> StepFailedError:
        return cls(
            f"Step {step!r} failed while reading {', '.join(reads) or 'nothing'} and writing {', '.join(writes)}: "
            f"{first_line(error)}\nHint: run again with --verbose to see the whole error."
        )
