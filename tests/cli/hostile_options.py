"""Hostile configurations, options and workspaces, each in a case of its own: see `tests.cli.hostile`."""

from __future__ import annotations

import numpy as np

from tests.cli.hostile import Hostile, on

# Configurations and options


def conf_is_missing(h):
    return ("run", h.files / "gone.toml"), "gone.toml"


def conf_is_a_folder(h):
    return ("run", h.files), str(h.files)


def conf_is_no_toml(h):
    return ("run", h.file("conf.toml", "[outliers\nmethod = ")), "conf.toml"


def conf_is_utf_16(h):
    return ("run", h.file("conf.toml", "workspace = 'x'".encode("utf-16"))), "conf.toml"


def conf_names_no_workspace(h):
    return ("run", h.file("conf.toml", "[outliers]\nmethod = 'iqr'\n")), "conf.toml"


def conf_has_an_unknown_section(h):
    return ("run", h.file("conf.toml", "workspace = 'x'\n[outlier]\nmethod = 'iqr'\n")), "did you mean 'outliers'"


def conf_has_a_section_that_is_a_number(h):
    return ("run", h.file("conf.toml", "workspace = 'x'\noutliers = 3\n")), "conf.toml"


def conf_has_a_workspace_that_is_a_list(h):
    return ("run", h.file("conf.toml", "workspace = ['x']\n")), "conf.toml"


def conf_has_a_wrong_type(h):
    return on(h, "analyze", "--conf", h.file("conf.toml", "[clusters]\nseed = 'many'\n")), "conf.toml"


def conf_has_unknown_steps(h):
    text = f"workspace = '{h.workspace}'\nsteps = ['outlier']\n"
    return ("run", h.file("conf.toml", text)), "did you mean 'outliers'"


def set_has_no_value(h):
    return on(h, "analyze", "--set", "outliers.method"), "STEP.OPTION=VALUE"


def set_is_of_another_type(h):
    return on(h, "analyze", "--set", "neighbors.k=many"), "neighbors.k"


def set_is_no_number(h):
    return on(h, "analyze", "--set", "neighbors.k=true"), "neighbors.k"


def set_is_out_of_range(h):
    return on(h, "analyze", "--set", "neighbors.k=-1"), "neighbors.k"


def set_is_no_choice(h):
    return on(h, "analyze", "--set", "outliers.method=best"), "outliers.method"


def set_of_profile_is_out_of_range(h):
    return on(h, "profile", "--set", "profile.images_per_commit=0"), "profile.images_per_commit"


def set_of_profile_has_a_list_of_words(h):
    return on(h, "profile", "--set", "profile.value_range=['a', 'b']"), "profile.value_range"


def set_of_profile_has_a_function_that_is_missing(h):
    return on(h, "profile", "--set", "profile.statistics=['no_module:f']"), "no_module"


def encoder_is_unknown(h):
    return on(h, "profile", "--encoder", "thumbnial"), "thumbnail"


def encoder_file_is_missing(h):
    return on(h, "profile", "--encoder", f"onnx:{h.files}/gone.onnx"), "gone.onnx"


def encoder_file_is_no_model(h):
    return on(h, "profile", "--encoder", f"onnx:{h.file('noise.onnx', b'no model')}"), "noise.onnx"


def ontology_is_no_tree(h):
    file = h.file("ontology.json", '{"a": "b", "b": "a"}')
    return on(h, "analyze", "label_coverage", "--set", f"label_coverage.ontology={file}"), "ontology.json"


def ontology_is_no_json(h):
    file = h.file("ontology.json", "[1, ")
    return on(h, "analyze", "label_coverage", "--set", f"label_coverage.ontology={file}"), "ontology.json"


def mapping_of_classes_is_missing(h):
    options = ("--set", f"label_reconciliation.mapping={h.files}/gone.toml")
    words = ("--reference", "dataset=old", "--current", "first", "label_reconciliation", *options)
    return on(h, "compare", *words), "gone.toml"


def recipe_is_missing(h):
    return on(h, "select", "--name", "s", "--recipe", h.files / "gone.json"), "gone.json"


def recipe_is_no_list(h):
    return on(h, "select", "--name", "s", "--recipe", h.file("recipe.json", '{"operation": "limit"}')), "recipe.json"


def recipe_is_utf_16(h):
    return on(h, "select", "--name", "s", "--recipe", h.file("recipe.toml", "a = 1".encode("utf-16"))), "recipe.toml"


def operation_has_an_unknown_rule(h):
    words = on(h, "select", "--name", "s", "--operation", "drop_findings", "rules=blury")
    return words, "'blurry'"


def operation_has_an_unknown_statistic(h):
    words = on(h, "select", "--name", "s", "--operation", "drop_outliers", "statistics=brightnes")
    return words, "'brightness'"


def operation_wants_a_number(h):
    return on(h, "select", "--name", "s", "--operation", "limit", "n=many"), "limit.n"


def operation_has_a_broken_condition(h):
    words = on(h, "select", "--name", "s", "--operation", "where", "condition=dataset = = 1")
    return words, "select.where.condition"


def operation_samples_by_an_unknown_factor(h):
    words = on(h, "select", "--name", "s", "--operation", "stratified_sample", "fraction=0.5", "by=sites")
    return words, "'site'"


def operation_has_an_unknown_class(h):
    return on(h, "select", "--name", "s", "--operation", "classes", "keep=aa"), "select.classes.keep"


def split_by_an_unknown_factor(h):
    return on(h, "split", "--name", "s", "--group-by", "sites"), "'site'"


def split_of_shares_that_do_not_add_up(h):
    return on(h, "split", "--name", "s", "--fractions", "train=0.7", "test=0.2"), "split.fractions"


def search_with_a_vector_of_another_length(h):
    np.save(h.files / "vector.npy", np.ones(7, np.float32))
    return on(h, "search", h.files / "vector.npy"), "vector.npy"


def search_with_a_vector_cut_in_half(h):
    np.save(h.files / "vector.npy", np.ones(300, np.float32))
    return on(h, "search", h.file("vector.npy", (h.files / "vector.npy").read_bytes()[:200])), "vector.npy"


def search_with_no_array(h):
    return on(h, "search", h.file("vector.npy", b"no array")), "vector.npy"


def search_with_a_file_that_is_no_image(h):
    return on(h, "search", h.file("cat.jpg", "<html></html>")), "cat.jpg"


def search_for_no_image(h):
    return on(h, "search", h.photos / "a" / "0.png", "-k", "0"), "search.k"


def snapshot_is_missing(h):
    return on(h, "snapshot", "show", "frist"), "'first'"


def snapshot_of_a_diff_is_misspelt(h):
    return on(h, "snapshot", "diff", "first", "frist"), "'first'"


def snapshot_action_is_misspelt(h):
    return on(h, "snapshot", "dif", "first"), "'diff'"


def report_of_a_missing_snapshot(h):
    return on(h, "report", "--snapshot", "frist"), "'first'"


def report_goes_into_a_file(h):
    return on(h, "report", "--out", h.file("file", "") / "report.html"), "report.html"


def report_goes_into_a_folder(h):
    return on(h, "report", "--out", h.photos), "photos"


def export_goes_into_a_file(h):
    return on(h, "export", "--to", h.file("taken", "x")), "taken"


def export_goes_below_a_file(h):
    return on(h, "export", "--to", h.file("taken", "x") / "out"), "taken"


def export_of_a_missing_selection(h):
    return on(h, "export", "--to", h.files / "out", "--selection", "best"), "best"


def export_of_no_samples(h):
    words = on(h, "export", "--to", h.files / "out", "--format", "parquet", "--samples-per-shard", "0")
    return words, "export.samples_per_shard"


def snapshot_goes_into_a_file(h):
    return on(h, "snapshot", "export", "first", "--out", h.file("taken", "x")), "taken"


def compare_with_a_misspelt_part(h):
    return on(h, "compare", "--reference", "dataset=old", "--current", "dataset=odl"), "dataset=old"


def compare_with_itself(h):
    return on(h, "compare", "--reference", "dataset=old", "--current", "dataset=old"), "are both 'dataset=old'"


def compare_with_a_part_without_a_name(h):
    return on(h, "compare", "--reference", "dataset=", "--current", "dataset=old"), "compare.reference is 'dataset='"


def balance_of_a_class(h):
    words = ("contingency", "balance", "--set", "balance.label=a")
    return on(h, "analyze", *words), "balance.label is 'a', a value of class_name"


def search_set_out_of_range(h):
    return on(h, "search", h.photos / "a" / "0.png", "--set", "search.k=0"), "search.k"


def search_set_to_an_unknown_encoder(h):
    return on(h, "search", h.photos / "a" / "0.png", "--set", "search.encoder=thumbnial"), "'thumbnail'"


def compare_with_no_part(h):
    return on(h, "compare", "--reference", "split", "--current", "dataset=old"), "split"


# Workspaces


def workspace_is_a_file(h):
    return ("profile", "--workspace", h.file("audit", "x")), "audit"


def workspace_to_make_is_a_file(h):
    return ("ingest", "--workspace", h.file("audit", "x"), h.photos), "audit"


def workspace_lies_below_a_file(h):
    return ("ingest", "--workspace", h.file("audit", "x") / "inner", h.photos), "audit"


def scratch_is_a_file(h):
    return on(h, "ingest", h.photos, "--scratch", h.file("scratch", "x")), "scratch"


def damage(h: Hostile, table: str, log: bytes | None = None, data: bytes | None = None) -> None:
    """Write other bytes over the newest log entry or over all data files of a table."""
    place = h.workspace / table
    if log is not None:
        max((place / "_delta_log").glob("*.json")).write_bytes(log)
    if data is not None:
        for file in place.rglob("*.parquet"):
            file.write_bytes(data)


def log_of_images_is_no_json(h):
    damage(h, "images", log=b"{broken")
    return on(h, "profile"), "images"


def log_of_runs_is_no_json(h):
    damage(h, "runs", log=b"{broken")
    return on(h, "profile"), "runs"


def log_of_statistics_is_no_json(h):
    damage(h, "image_stats", log=b"{broken")
    return on(h, "analyze", "outliers"), "image_stats"


def data_of_images_are_damaged(h):
    damage(h, "images", data=b"PAR1 no parquet")
    return on(h, "split", "--name", "s"), "images"


def data_of_statistics_are_damaged(h):
    damage(h, "image_stats", data=b"PAR1 no parquet")
    return on(h, "analyze", "outliers"), "image_stats"


def data_of_statistics_are_cut(h):
    file = next((h.workspace / "image_stats").rglob("*.parquet"))
    damage(h, "image_stats", data=file.read_bytes()[: file.stat().st_size // 2])
    return on(h, "report"), "image_stats"


def data_of_statistics_are_gone(h):
    for file in (h.workspace / "image_stats").rglob("*.parquet"):
        file.unlink()
    return on(h, "analyze", "outliers"), "image_stats"


def data_of_vectors_are_damaged(h):
    damage(h, "embeddings", data=b"PAR1 no parquet")
    return on(h, "search", h.photos / "a" / "0.png"), "embeddings"
