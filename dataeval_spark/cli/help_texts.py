"""What help shows below the options: examples, and what steps and operations accept; help does not load these."""

from __future__ import annotations

# The first example of a verb is also one of `dataeval-spark --help`.
EXAMPLES = """
  dataeval-spark ingest --workspace my_audit photos/
  dataeval-spark ingest --workspace my_audit images/ --annotations instances.json
  dataeval-spark ingest --workspace my_audit images/ --metadata sites.csv --dataset monday
  dataeval-spark ingest --workspace my_audit people.csv --id-column name --label-column age
  dataeval-spark profile --workspace my_audit --encoder hog_color
  dataeval-spark analyze --workspace my_audit
  dataeval-spark analyze --workspace my_audit outliers --set outliers.method=iqr
  dataeval-spark compare --workspace my_audit --reference dataset=photos --current dataset=monday
  dataeval-spark compare --workspace my_audit --reference split=train --current split=test
  dataeval-spark compare --workspace my_audit --reference assigned=main/train --current assigned=main/test
  dataeval-spark split --workspace my_audit --name main
  dataeval-spark split --workspace my_audit --name main --fractions train=0.8 test=0.2 --group-by patient
  dataeval-spark split --workspace my_audit --name folds --folds 5
  dataeval-spark select --workspace my_audit --name clean --operation drop_unreadable --operation drop_duplicates
  dataeval-spark select --workspace my_audit --name few --operation classes keep=cat,dog --operation limit n=100
  dataeval-spark export --workspace my_audit --selection clean --format yolo --to clean_yolo
  dataeval-spark export --workspace my_audit --split main --format folder --to parts
  dataeval-spark snapshot --workspace my_audit create before-cleaning
  dataeval-spark snapshot --workspace my_audit list
  dataeval-spark snapshot --workspace my_audit diff before-cleaning after-cleaning
  dataeval-spark search --workspace my_audit photos/cat.jpg
  dataeval-spark search --workspace my_audit photos/cat.jpg -k 3 --metric euclidean
  dataeval-spark views --workspace my_audit
  dataeval-spark report --workspace my_audit
  dataeval-spark report --workspace my_audit --snapshot before-cleaning --out before.html
  dataeval-spark run conf/demo.toml
  dataeval-spark demo
  dataeval-spark demo --images photos/
  dataeval-spark doctor
  dataeval-spark doctor --workspace my_audit
  dataeval-spark doctor --workspace my_audit --release RUN
"""
EXIT_CODES = "exit codes: 0 done, 1 a step failed, 2 wrong usage or configuration, 130 cancelled, 143 ended by SIGTERM"

# Options of steps whose values are names, and these names, the default first.
STEP_CHOICES = {
    "duplicates.grouping": ("medoid", "components"),
    "duplicates.keep": ("largest", "sharpest", "labelled", "first"),
    "outliers.method": ("calibrated", "zscore", "modified_zscore", "iqr", "adaptive"),
    "factor_bins.rule": ("uniform_width", "uniform_count", "clusters"),
    "balance.estimator": ("table", "neighbors"),
    "diversity.method": ("simpson", "shannon"),
    "coverage.method": ("adaptive", "naive"),
    "neighbors.metric": ("euclidean", "cosine", "inner_product"),
    "neighbors.method": ("auto", "exact", "approximate"),
    "clusters.method": ("auto", "hdbscan", "kmeans"),
    "clusters.selection": ("eom", "leaf"),
    "embedding_scores.statistic": ("mean_distance", "kth_distance"),
    "embedding_scores.method": ("calibrated", "zscore", "modified_zscore", "iqr", "adaptive"),
    "prioritization.order": ("easy_first", "hard_first"),
    "prioritization.policy": ("difficulty", "stratified", "class_balanced"),
    "confident_learning.filter_by": ("prune_by_noise_rate", "prune_by_class", "both", "confident_learning"),
    "label_neighbors.method": ("votes", "distance_ratio"),
    "object_label_errors.unlabelled_images": ("empty", "left_out"),
    "object_label_errors.unpredicted_images": ("left_out", "empty"),
}
# Operations of `select` with their options, as they are typed; those in brackets have a default.
OPERATION_FORMS = """
  datasets names=A,B
  split name=NAME part=PART
  where condition=SQL              such as "condition=dataset = 'a' AND stats.brightness < 0.2"
  classes keep=A,B [filter_targets=true]
  relabel classes={old='new'} [unmatched=keep]
  drop_duplicates [near=false]
  drop_outliers [statistics=A,B]   columns of image_stats, such as brightness,sharpness; by default all
  drop_findings [rules=A,B]        dark, bright, blurry, low_information, odd_aspect_ratio, odd_size, grayscale,
                                   non_finite_pixels, invalid_box; by default all
  drop_unreadable
  balance [method=global] [n=N] [background=CLASS] [num_empty=0] [aggregation=mean] [oversample_factor=1.0] [seed=0]
  stratified_sample fraction=SHARE [by=class_name] [seed=0]
  shuffle [seed=0]
  limit n=N
  indices positions=0,1
"""


def examples(verb: str | None = None) -> str:
    """Examples of a verb; without one, the first example of each.

    Examples
    --------
    >>> examples("views")
    '  dataeval-spark views --workspace my_audit'
    """
    lines = EXAMPLES.strip("\n").splitlines()
    if verb is None:
        firsts = {line.split()[1]: line for line in reversed(lines)}
        return "\n".join(reversed(firsts.values()))
    return "\n".join(line for line in lines if line.split()[1] == verb)


def choices_of(steps: tuple[str, ...]) -> str:
    """The options of steps whose values are names, a line each, for help."""
    lines = (
        f"  {name:<40}{', '.join(values)}" for name, values in STEP_CHOICES.items() if name.partition(".")[0] in steps
    )
    return "\n".join(lines)


def below_options(verb: str) -> str:
    """What the help of a verb shows below its options."""
    from dataeval_spark.options import STEP_NAMES

    parts = [f"examples:\n{examples(verb)}"]
    if verb == "analyze":
        parts.insert(0, f"names that options of steps take, for --set, the default first:\n{choices_of(STEP_NAMES)}")
    if verb == "select":
        parts.insert(
            0, f"operations with their options, and the defaults of those in brackets:{OPERATION_FORMS}".rstrip()
        )
    return "\n\n".join([*parts, EXIT_CODES])
