"""Score of the demo: planted against found faults. No Spark: the caller hands over sets of paths.

Paths are relative to the image root, as in `planted.csv`; of an image id, all that follows the dataset's name.

=====================================  ===========================  ====================================
kind                                   a plant is found when        found but not planted
=====================================  ===========================  ====================================
exact, re-encoded and resized copies   it is in a duplicate group   nothing: see `unplanted_duplicate`
                                       together with its original
unplanted_duplicate (never planted)    --                           members of duplicate groups that are
                                                                    no planted copy or original and not
                                                                    blank, dark or blurred
blank, dark, blurred                   its rule (`RULE_OF`) fires   images on which the rule fires,
                                                                    unless `EXPLAINED_BY` another plant
truncated                              it is unreadable             other unreadable images
bad_annotation                         a finding of its kind names  all other annotation findings
                                       it, or no image at all
shifted_brightness                     drift was detected           --
swapped_label                          it is among `label_errors`   other images there: hard examples
=====================================  ===========================  ====================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from dataeval_spark.demo.plan import COPY_KINDS, Plant
from dataeval_spark.errors import OptionError

ANALYSED = "analysed"
NOT_YET = "not analysed yet"
UNPLANTED_DUPLICATE = "unplanted_duplicate"
KINDS = (
    *COPY_KINDS,
    UNPLANTED_DUPLICATE,
    "blank",
    "dark",
    "blurred",
    "truncated",
    "bad_annotation",
    "shifted_brightness",
    "swapped_label",
)
RULE_OF = {"blank": "low_information", "dark": "dark", "blurred": "blurry"}
"""The rule of `image_findings` that finds a kind."""
EXPLAINED_BY = {
    "low_information": ("blank", "dark"),
    "dark": ("dark", "blank"),
    "blurry": ("blurred", "blank", "dark"),
    UNPLANTED_DUPLICATE: ("blank", "dark", "blurred"),
}
"""Plants that may rightly cause a finding besides their own: a black frame is dark, and looks like other frames."""
EXAMPLES = 5


@dataclass(frozen=True)
class PlantScore:
    """The score of one kind of plant.

    `planted`, `hits` (planted and found), `missed` and `extra` (found but not planted) are numbers of images,
    annotations or datasets; the last three are None when `status` is "not analysed yet". `missed_paths` and
    `extra_paths` give at most five examples each.
    """

    kind: str
    planted: int
    hits: int | None
    missed: int | None
    extra: int | None
    status: str
    missed_paths: tuple[str, ...] = ()
    extra_paths: tuple[str, ...] = ()


def score_plants(
    planted: Sequence[Plant],
    *,
    duplicate_group_of: Mapping[str, str] | None = None,
    findings: Mapping[str, Collection[str]] | None = None,
    unreadable: Collection[str] | None = None,
    ingest_findings: Sequence[tuple[str, str | None]] | None = None,
    drift_detected: bool | None = None,
    label_errors: Collection[str] | None = None,
) -> list[PlantScore]:
    """Compare planted with found faults. An argument that is None has not been analysed.

    Parameters
    ----------
    planted : sequence of Plant
        From `read_plants`.
    duplicate_group_of : mapping, optional
        Path to duplicate group, of images in one.
    findings : mapping, optional
        Rule to the paths it fires on; none where the rule is not there.
    unreadable : collection, optional
        Paths of unreadable images.
    ingest_findings : sequence, optional
        Kind and path of each finding; None where no image is known (a missing image).
    drift_detected : bool, optional
        Whether a comparison of the main with the later dataset found drift of the brightness.
    label_errors : collection, optional
        Paths of images with a label that is likely wrong.

    Returns
    -------
    list of PlantScore
        One per kind, in the order of `KINDS`. A plant of another kind raises `OptionError`.

    Examples
    --------
    >>> score_plants([Plant("dark", "a.jpg")], findings={"dark": {"a.jpg", "b.jpg"}})[5].extra_paths
    ('b.jpg',)
    """
    by_kind = _by_kind(planted)
    paths = {kind: {plant.path for plant in plants} for kind, plants in by_kind.items()}
    scores = {kind: PlantScore(kind, len(plants), None, None, None, NOT_YET) for kind, plants in by_kind.items()}
    if duplicate_group_of is not None:
        scores |= _duplicates(by_kind, duplicate_group_of)
    if findings is not None:
        scores |= {kind: _rule(kind, by_kind, set(findings.get(RULE_OF[kind], ()))) for kind in RULE_OF}
    if unreadable is not None:
        scores["truncated"] = _found("truncated", paths, unreadable)
    if ingest_findings is not None:
        scores["bad_annotation"] = _annotations(by_kind["bad_annotation"], ingest_findings)
    if drift_detected is not None:
        scores["shifted_brightness"] = _found(
            "shifted_brightness", paths, paths["shifted_brightness"] if drift_detected else ()
        )
    if label_errors is not None:
        scores["swapped_label"] = _found("swapped_label", paths, label_errors)
    return [scores[kind] for kind in KINDS]


def format_scores(scores: Sequence[PlantScore]) -> str:
    """Lay scores out as a table for a terminal.

    Examples
    --------
    >>> print(format_scores(score_plants([Plant("dark", "a.jpg")], findings={"dark": {"a.jpg"}})[5:6]))
    kind  planted  found  missed  not planted
    dark        1      1       0            0
    """
    rows = [("kind", "planted", "found", "missed", "not planted", "")]
    for score in scores:
        if score.status == NOT_YET:
            # Nothing planted and nothing analysed is nothing to tell.
            rows += [(score.kind, str(score.planted), "-", "-", "-", NOT_YET)] if score.planted else []
            continue
        note = f"missed: {', '.join(score.missed_paths)}" if score.missed_paths else ""
        if score.missed and score.missed > len(score.missed_paths):
            note += ", ..."
        rows.append((score.kind, str(score.planted), str(score.hits), str(score.missed), str(score.extra), note))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = []
    for row in rows:
        numbers = [cell.rjust(width) for cell, width in zip(row[1:5], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *numbers, row[5]]).rstrip())
    return "\n".join(lines)


def _by_kind(planted: Sequence[Plant]) -> dict[str, list[Plant]]:
    by_kind: dict[str, list[Plant]] = {kind: [] for kind in KINDS}
    for plant in planted:
        OptionError.unless_one_of("kind", plant.kind, KINDS)
        by_kind[plant.kind].append(plant)
    return by_kind


def _analysed(kind: str, planted: set[str], detected: set[str], extra: Collection[str]) -> PlantScore:
    missed = sorted(planted - detected)
    return PlantScore(
        kind,
        planted=len(planted),
        hits=len(detected),
        missed=len(missed),
        extra=len(extra),
        status=ANALYSED,
        missed_paths=tuple(missed[:EXAMPLES]),
        extra_paths=tuple(sorted(extra)[:EXAMPLES]),
    )


def _paths(by_kind: Mapping[str, Sequence[Plant]], kinds: Collection[str]) -> set[str]:
    return {path for kind in kinds for plant in by_kind[kind] for path in (plant.path, plant.other_path) if path}


def _duplicates(by_kind: Mapping[str, Sequence[Plant]], group_of: Mapping[str, str]) -> dict[str, PlantScore]:
    scores = {}
    for kind in COPY_KINDS:
        together = {
            plant.path
            for plant in by_kind[kind]
            if plant.path in group_of and group_of[plant.path] == group_of.get(plant.other_path)
        }
        scores[kind] = _analysed(kind, {plant.path for plant in by_kind[kind]}, together, ())
    extra = set(group_of) - _paths(by_kind, (*COPY_KINDS, *EXPLAINED_BY[UNPLANTED_DUPLICATE]))
    scores[UNPLANTED_DUPLICATE] = _analysed(UNPLANTED_DUPLICATE, set(), set(), extra)
    return scores


def _rule(kind: str, by_kind: Mapping[str, Sequence[Plant]], fired: set[str]) -> PlantScore:
    planted = {plant.path for plant in by_kind[kind]}
    return _analysed(kind, planted, planted & fired, fired - _paths(by_kind, EXPLAINED_BY[RULE_OF[kind]]))


def _found(kind: str, planted: Mapping[str, set[str]], found: Collection[str]) -> PlantScore:
    """Score of a kind whose plants are found by their path."""
    return _analysed(kind, planted[kind], planted[kind] & set(found), set(found) - planted[kind])


def _annotations(plants: Sequence[Plant], findings: Sequence[tuple[str, str | None]]) -> PlantScore:
    """Match plants with findings one to one: by kind and path first, then by kind alone where no path is known."""
    left = Counter(findings)
    missed = []
    for plant in plants:
        kind = plant.detail.partition(":")[0]
        match = next((key for key in ((kind, plant.path), (kind, None)) if left[key] > 0), None)
        if match is None:
            missed.append(plant.path)
        else:
            left[match] -= 1
    extra = [path or kind for (kind, path), number in left.items() for _ in range(number)]
    detected = {plant.path for plant in plants} - set(missed)
    return _analysed("bad_annotation", {plant.path for plant in plants}, detected, extra)
