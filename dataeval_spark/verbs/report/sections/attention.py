"""Top of the report: matters to look at first, one sentence each, the worst on top; and what was tested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from dataeval_spark.verbs.report.data import ReportData, Row
from dataeval_spark.verbs.report.listing import TONES
from dataeval_spark.verbs.report.section import Content, Section
from dataeval_spark.verbs.report.sections.drift import direction
from dataeval_spark.verbs.text import listed, number, plural, slug, words

LEVELS = ("error", "warning", "info")
# Most labelled class over least: from here on a model tends to ignore the rare classes.
IMBALANCED = 10.0
# rule: (level where the table says none, what these images are, what to do)
RULES = {
    "invalid_box": (
        "error",
        "empty, inverted or outside the image",
        "Correct the annotation files: a model cannot learn from such boxes.",
    ),
    "dark": ("warning", "very dark", "Keep dark pictures only if the model must work in the dark."),
    "bright": ("warning", "overexposed", "Leave out overexposed pictures in which little can be seen."),
    "blurry": ("warning", "blurry", "Leave out pictures in which the objects cannot be recognised."),
    "low_information": ("warning", "blank or almost flat", "Pictures without content can usually be left out."),
    "odd_size": (
        "info",
        "far larger or smaller than the others",
        "Check that the objects are still visible after resizing.",
    ),
    "non_finite_pixels": (
        "warning",
        "partly NaN or infinite",
        "Replace NaN and infinite pixels: most models answer them with NaN.",
    ),
    "odd_aspect_ratio": ("info", "unusually long or tall", "Check that resizing does not distort the objects."),
    "grayscale": ("info", "greyscale", "Check that the model may see greyscale pictures among the colour ones."),
}
UNKNOWN_RULE = ("info", "", "Decide whether such images belong in the dataset.")


@dataclass(frozen=True)
class Matter:
    """One matter to look at: its level, text, number of images, place in the report, and advice."""

    level: str
    count: int
    sentence: str
    section: str
    advice: str


def matters(data: ReportData) -> tuple[Matter, ...]:
    """Everything that needs attention, worst first: by level, then in the order of the checks below."""
    checks = (
        _files,
        _duplicates,
        _splits,
        _annotations,
        _drift,
        _rules,
        _labels,
        _wrong_labels,
        _boxes,
        _dataset,
        _outliers,
    )
    found = [matter for check in checks for matter in check(data)]
    return tuple(sorted(found, key=lambda matter: LEVELS.index(matter.level)))


def attention(data: ReportData) -> Content:
    """Matters that need attention; the page knows what was tested."""
    return {
        "matters": [{**vars(matter), "anchor": slug(matter.section)} for matter in matters(data)],
        "tones": TONES,
    }


def _files(data: ReportData) -> Iterator[Matter]:
    unreadable = data.count("unreadable_images")
    if unreadable:
        yield Matter(
            "error",
            unreadable,
            f"{plural(unreadable, 'image')} cannot be read. No statistic below covers "
            f"{'it' if unreadable == 1 else 'them'}.",
            "unreadable",
            "Fetch unreadable files again from their source, or remove them: a training job would stop there.",
        )
    unmeasured = data.count("live_images") - data.count("readable_images") - unreadable
    if unmeasured > 0 and "image_stats" in data.present:
        yield Matter(
            "warning",
            unmeasured,
            f"{plural(unmeasured, 'image has', 'images have')} not been measured yet.",
            "overview",
            "Run dataeval-spark profile, then dataeval-spark analyze.",
        )


def _duplicates(data: ReportData) -> Iterator[Matter]:
    leaks, groups = data.count("spanning_groups"), data.counts("duplicate_groups")
    if leaks:
        yield Matter(
            "error",
            leaks,
            f"{plural(leaks, 'group of duplicates has', 'groups of duplicates have')} members in different splits: "
            "test scores will be too good.",
            "duplicates",
            "Keep each group in one split, then train and test again.",
        )
    removable = data.count("removable_images")
    if removable or groups.get("exact"):
        copies = f": {plural(removable, 'image')} could be removed without losing anything" if removable else ""
        yield Matter(
            "warning",
            removable or groups["exact"],
            f"{plural(groups.get('exact', 0), 'group')} of exact duplicates{copies}.",
            "duplicates",
            "Keep the image marked as kept in each group. Nothing has been deleted.",
        )
    if groups.get("near"):
        yield Matter(
            "info",
            groups["near"],
            f"{plural(groups['near'], 'group')} of images that look almost the same.",
            "duplicates",
            "Look at the largest groups: bursts and video frames add little, and must not straddle splits.",
        )


def _splits(data: ReportData) -> Iterator[Matter]:
    # Duplicates across the given split are told by their groups.
    leaks = {name: n for name, n in data.counts("split_leaks").items() if name != "given"}
    if leaks:
        pairs = plural(sum(leaks.values()), "pair of images ties", "pairs of images tie")
        yield Matter(
            "error",
            sum(leaks.values()),
            f"{pairs} parts of {listed(leaks)} together: test scores will be too good.",
            "splits",
            "Split again with --group-by, keep duplicates together, or move the images that split_repairs names.",
        )
    differences = [row for row in data.rows_of("split_differences") if row["is_flagged"]]
    if differences:
        names = listed(dict.fromkeys(words(row["subject"]) for row in differences))
        yield Matter(
            "warning",
            len(differences),
            f"Parts of a split differ in {names}.",
            "splits",
            "Make sure that the test part is like the data that the model will meet.",
        )


def _annotations(data: ReportData) -> Iterator[Matter]:
    kinds = data.counts("ingest_findings")
    total = sum(kinds.values())
    if total:
        worst = sorted(kinds, key=lambda kind: (-kinds[kind], kind))
        yield Matter(
            "error",
            total,
            f"{plural(total, 'entry', 'entries')} could not be used as written in the file "
            f"({listed(f'{words(kind)}: {kinds[kind]:,}' for kind in worst)}).",
            "annotations",
            "Correct the source or its annotation files, then ingest again.",
        )


def _drift(data: ReportData) -> Iterator[Matter]:
    rows = [row for row in data.rows_of("drift") if row["drift_detected"]]
    drifted = len(rows)
    if drifted:
        names = listed(dict.fromkeys(_drifted_name(row) for row in rows))
        yield Matter(
            "warning",
            drifted,
            f"{plural(drifted, 'statistic')} of {len(data.rows_of('drift')):,} compared "
            f"{'has' if drifted == 1 else 'have'} drifted{f': {names}' if names else ''}.",
            "drift",
            "Look at the histograms and images: a new camera, new lighting or a new site calls for new training data.",
        )


def _drifted_name(row: Row) -> str:
    looks = direction(row["column_name"], row["avg_delta"])
    return f"{words(row['column_name'])} ({looks})" if looks else words(row["column_name"])


def _rules(data: ReportData) -> Iterator[Matter]:
    rules = data.counts("image_findings")
    severities = {row["rule"]: row["severity"] for row in data.rows_of("image_findings")}
    for rule in sorted(rules, key=lambda rule: (-rules[rule], rule)):
        level, what, advice = RULES.get(rule, UNKNOWN_RULE)
        severity = severities.get(rule, level)
        things = plural(rules[rule], "box", "boxes") if rule == "invalid_box" else plural(rules[rule], "image")
        yield Matter(
            severity if severity in LEVELS else level,
            rules[rule],
            f"{things} {'is' if rules[rule] == 1 else 'are'} {what or f'found by the rule “{words(rule)}”'}.",
            f"finding-{rule}",
            advice,
        )


def _labels(data: ReportData) -> Iterator[Matter]:
    whole = next((row for row in data.rows_of("labels") if row["class_name"] is None), None)
    ratio = whole and whole["imbalance_ratio"]
    if whole and ratio and ratio >= IMBALANCED:
        yield Matter(
            "warning",
            round(ratio),
            f"The most frequent class has {number(round(ratio))} times as many labels as the rarest.",
            "labels",
            "Collect or label more of the rare classes, or weight them in training.",
        )
    bare = whole and whole["label_count"] and whole["images_without_labels"]
    if whole and bare:
        yield Matter(
            "info",
            bare,
            f"{plural(bare, 'image has', 'images have')} no label.",
            "labels",
            "Make sure that images without a label are meant as background, and not simply unlabelled.",
        )


def _wrong_labels(data: ReportData) -> Iterator[Matter]:
    # Steps doubt the same labels, so that the longest list is what there is at least.
    totals = {(row["step"], row["source"]): row["total"] for row in data.rows_of("label_errors")}
    if totals:
        count = max(totals.values())
        yield Matter(
            "info",
            count,
            f"{'At least ' if len(totals) > 1 else ''}{plural(count, 'label is', 'labels are')} likely wrong, by "
            f"{listed(dict.fromkeys(words(step) for step, _ in totals))}.",
            "label-errors",
            "Look before you change a label: correct labels of hard examples are listed too.",
        )


def _dataset(data: ReportData) -> Iterator[Matter]:
    counts = Counter(row["severity"] for row in data.rows_of("dataset_findings"))
    for level, count in counts.items():
        if level in ("error", "warning"):
            yield Matter(
                level,
                count,
                f"{plural(count, 'finding')} about the dataset as a whole.",
                "dataset-findings",
                "Each finding says what was expected and what was found.",
            )


def _boxes(data: ReportData) -> Iterator[Matter]:
    totals = {row["rule"]: row["total"] for row in data.rows_of("box_errors")}
    if totals:
        ranked = sorted(totals, key=lambda rule: (-totals[rule], rule))
        yield Matter(
            "warning",
            sum(totals.values()),
            f"{plural(sum(totals.values()), 'box looks', 'boxes look')} wrong "
            f"({listed(f'{words(rule)}: {totals[rule]:,}' for rule in ranked)}).",
            "boxes",
            "Look at the worst of each kind, and correct the annotation files.",
        )


def _outliers(data: ReportData) -> Iterator[Matter]:
    images = data.count("outlier_images")
    if images:
        yield Matter(
            "info",
            images,
            f"{plural(images, 'image has', 'images have')} statistics far from those of the others.",
            "outliers",
            "Look at the farthest first: outliers are either mistakes or rare cases worth keeping.",
        )


SECTION = Section(
    20,
    "attention",
    "What needs attention first",
    intro="The worst comes first; each line leads to its section.",
    content=attention,
    template="sections/attention.html.j2",
)
