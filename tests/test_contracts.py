"""The public interface: table schemas and signatures. A change here is a line in CHANGELOG.md."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from dataeval_spark import config
from dataeval_spark.steps import COMPARISONS, STEPS
from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.verb_options import FUNCTIONS

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

SCHEMAS = {
    "duplicate_evaluation": "kind threshold flagged found true_pairs precision precision_lower precision_upper recall "
    "recall_lower recall_upper f1 refuted judged_precision judged_precision_lower judged_precision_upper run_id",
    "feature_distance": "window reference current factor distance statistic location p_value adjusted_pvalue "
    "reference_count current_count run_id",
    "label_coverage": "kind concept parents depth direct_count subtree_count leaves covered_leaves children "
    "covered_children is_dark leaf_share expected_share deficit run_id",
    "label_reconciliation": "window reference current current_class reference_class relation is_safe current_count "
    "reference_count run_id",
    "images": "image_id uri content content_length modified_at file_hash captured_at split dataset source deleted_at "
    "stored_width stored_height upright_width upright_height declared_width declared_height run_id",
    "targets": "image_id target_index class_name box is_crowd source attributes run_id",
    "factors": "image_id target_index run_id",
    "ingest_findings": "dataset source_file location image_id target_index kind severity n message found expected "
    "run_id",
    "source_files": "dataset path image_id fingerprint run_id",
    "hashes": "image_id target_index file_hash content_hash content_scope phash dhash phash_d4 dhash_d4 "
    "phash_noise_bits dhash_noise_bits dataeval_xxhash fingerprint run_id",
    "normalization": "split colors channel image_count unknown_range_count pixel_count mean std common_sizes run_id",
    "unreadable_images": "image_id stage error_class message content_length fingerprint run_id",
    "embeddings": "image_id target_index encoder embedding encoder_version fingerprint run_id",
    "neighbors": "encoder metric image_id target_index rank neighbor_id neighbor_target_index distance k method "
    "encoder_version fingerprint run_id",
    "embedding_scores": "encoder metric image_id target_index neighbors mean_distance kth_distance uniqueness "
    "times_listed representativeness is_prototype score threshold statistic method is_outlier run_id",
    "image_values": "encoder metric image_id target_index class_name value times_listed queries error_bound run_id",
    "prioritization": "encoder metric image_id position score k ordering policy stratum run_id",
    "clusters": "encoder image_id target_index cluster_id probability nearest_cluster centroid_distance score "
    "threshold is_outlier method run_id",
    "cluster_stats": "encoder is_box cluster_id members mean_distance std_distance max_distance mean_edge std_edge "
    "center_image_id center_target_index run_id",
    "spanning_tree": "encoder image_id_a target_index_a image_id_b target_index_b length min_samples cluster_id "
    "is_near_duplicate run_id",
    "duplicate_pairs": "image_id_a target_index_a image_id_b target_index_b kind distance orientation run_id",
    "duplicate_thresholds": "kind encoder encoder_version metric level threshold origin estimated_precision near_count "
    "image_count surroundings intrinsic_dimension run_id",
    "duplicate_groups": "group_id image_id target_index kinds is_kept is_exact_copy reason group_size spans_splits "
    "label_conflict kept_distance diameter_bound run_id",
    "outliers": "image_id target_index channel statistic method group_name value score threshold lower upper "
    "direction position reason run_id",
    "image_findings": "image_id target_index rule score threshold severity message run_id",
    "dataset_findings": "step rule subject value threshold severity message run_id",
    "factor_bins": "image_id target_index class_name bins numbers run_id",
    "bin_edges": "factor bin lower upper label rule level n minimum maximum run_id",
    "contingency": "factor_a value_a factor_b value_b n design_effect run_id",
    "balance": "kind factor_a factor_b class_name score mutual_information expected_information p_value "
    "adjusted_pvalue method threshold is_flagged n run_id",
    "diversity": "factor class_name diversity method bins filled_bins threshold is_low n run_id",
    "parity": "factor score p_value adjusted_pvalue g_statistic degrees_of_freedom pearson_statistic pearson_p_value "
    "robust_p_value cramers_v low_expected_cells insufficient is_significant n run_id",
    "factor_tests": "factor test class_name statistic p_value adjusted_pvalue effect_size degrees_of_freedom location "
    "n n_rest run_id",
    "coverage": "encoder image_id target_index radius coverage_radius method rank run_id",
    "coverage_stats": "encoder class_name n uncovered uncovered_share mean_radius max_radius coverage_radius method "
    "observations dimensions run_id",
    "completeness": "encoder class_name n dimensions rank completeness isotropy run_id",
    "coverage_gaps": "pattern parts level n expected threshold images_needed rank found run_id",
    "shortcuts": "class_name factor value auc p_value adjusted_pvalue score n n_rest is_shortcut lowest highest run_id",
    "feature_value": "factor rank verdict score p_value auc auc_std folds redundancy redundant_with bins run_id",
    "factor_predictors": "rule factor score share p_value adjusted_pvalue n_flagged n explains run_id",
    "label_parity": "window reference current class_name reference_count current_count reference_share current_share "
    "status expected_count is_low_expected method chi_squared p_value design_effect robust_p_value total_variation "
    "l_infinity low_count_classes threshold is_different run_id",
    "null_model": "window reference current predictor accuracy precision_macro precision_micro recall_macro "
    "recall_micro false_positive_rate_macro false_positive_rate_micro accuracy_macro accuracy_micro run_id",
    "predictions": "image_id model target_index label score probabilities box predicted_at run_id",
    "prediction_classes": "model class_index class_name run_id",
    "label_errors": "step source image_id target_index class_name suggested_class second_class score is_bound rank "
    "run_id",
    "confident_joint": "model class_name true_class confident_count estimated_count share run_id",
    "class_noise": "model class_name label_count threshold confident_count noise_rate lower upper inverse_noise_rate "
    "run_id",
    "label_scores": "step source method image_id target_index class_name suggested_class score rank precision run_id",
    "object_label_errors": "step image_id target_index predicted_index model rule class_name other_class box score "
    "threshold run_id",
    "image_label_quality": "model image_id score overlooked swapped badly_located is_error run_id",
    "annotations": "image_id target_index rater class_name box labelled_at source run_id",
    "label_agreement": "statistic class_name rater_a rater_b value lower upper n run_id",
    "label_consensus": "image_id target_index raters majority_class majority_share is_tie consensus_class probability "
    "is_conflict given_class differs run_id",
    "rater_quality": "rater class_name n accuracy lower upper confused_with confusion agreement run_id",
    "labelling_queue": "rank image_id priority uncertainty novelty class_deficit predicted_class raters_wanted run_id",
    "splits": "split_name method options holdout images excluded units largest_deviation notes created_at run_id",
    "split_assignments": "split_name repeat fold image_id split unit_id stratum reason run_id",
    "split_strata": "split_name repeat fold split stratum wanted got deviation units note run_id",
    "split_leakage": "split_name repeat fold kind image_id_a image_id_b split_a split_b value run_id",
    "part_bias": "split_name fold split factor score mutual_information p_value adjusted_pvalue cramers_v diversity "
    "bins filled_bins n is_flagged run_id",
    "split_repairs": "split_name repeat fold image_id from_split to_split unit_id run_id",
    "views": "view_name version recipe members digest created_at run_id",
    "view_members": "view_name version image_id copy order_key run_id",
    "snapshots": "snapshot table_name version table_id created_at note run_ids",
}
OPTIONS = {
    "normalization": "value_range",
    "confident_learning": "filter_by share",
    "label_neighbors": "method k precision",
    "raters": "smoothing iterations",
    "labelling_queue": "model size overlap seed",
    "object_label_errors": "unlabelled_images unpredicted_images",
    "box_findings": "duplicate_overlap conflict_overlap tiny_pixels",
    "feature_distance": "",
    "duplicate_evaluation": "truth dataset embedding_step",
    "label_coverage": "ontology",
    "label_reconciliation": "mapping ontology",
    "split": "method fractions folds repeats shuffle seed group_by duplicates stratify_by combined test_value gap "
    "horizon test_size max_train target images guard renew",
    "select": "open_guarded",
    "export": "format selection version split samples_per_shard with_lost_labels replace open_guarded",
    "ingest": "format annotations metadata dataset split glob limit keep_bytes replace timezone voc_one_based "
    "box_format layout label_column id_column path_column image_column encoding",
    "profile": "encoder per_target max_pixels timezone channel_groups background value_range compat statistics "
    "image_timeout image_memory batch_size device half_precision images_per_commit",
    "duplicates": "near phash_distance dhash_distance d4 boxes embedding_distance embedding_encoder renew_threshold "
    "low_information_std phash_noise_bits dhash_noise_bits grouping keep compat one_task_edges",
    "outliers": "method threshold statistics per_class per_target per_channel",
    "image_findings": "dark bright blurry low_information odd_aspect_ratio odd_size_iqr odd_size_factor "
    "grayscale_share compat",
    "label_stats": "",
    "factor_bins": "rule rules edges sources include exclude keep timezone max_levels max_values stored_edges",
    "contingency": "",
    "factor_tests": "",
    "balance": "label imbalance_threshold correlation_threshold estimator neighbors sample permutations seed",
    "diversity": "method threshold label",
    "parity": "score_threshold p_value_threshold label",
    "coverage": "method observations percent rescale per_target",
    "completeness": "per_class max_dimensions",
    "coverage_gaps": "factors threshold max_level max_bins max_patterns max_combinations",
    "shortcuts": "auc_threshold score_threshold p_value_threshold max_values",
    "feature_value": "folds seed useless_score useless_auc redundant",
    "factor_predictors": "threshold",
    "label_parity": "threshold expected_shares compat",
    "null_model": "",
    "neighbors": "k metric encoder per_target method max_core_hours recall block_rows seed",
    "clusters": "method encoder per_target min_cluster_size min_samples selection allow_single_cluster n_clusters "
    "threshold sensitivity max_core_hours block_rows seed",
    "embedding_scores": "k statistic method threshold",
    "image_values": "k",
    "prioritization": "k order policy bins",
    "embedding_health": "norm_factor max_constant_share max_first_share min_effective_rank max_dimension sample_size "
    "seed",
    "split_leakage": "group_by",
    "split_differences": "threshold auc_threshold significance sample seed",
    "part_bias": "threshold significance",
    "drift_univariate": "threshold statistics",
}
# Databricks data profiling: the order of its drift table.
DRIFT_COLUMNS = (
    "window granularity monitor_version slice_key slice_value column_name data_type window_cmp drift_type count_delta "
    "avg_delta percent_null_delta percent_zeros_delta percent_distinct_delta non_null_columns_delta js_distance "
    "ks_test wasserstein_distance population_stability_index chi_squared_test tv_distance l_infinity_distance"
)


@pytest.mark.parametrize(("name", "columns"), SCHEMAS.items())
def test_columns_of_each_table_are_as_published(name, columns):
    (table,) = (table for table in ALL_TABLES if table.name == name)

    assert " ".join(table.column_names) == columns


def test_drift_metrics_begins_with_the_columns_of_databricks_data_profiling():
    (table,) = (table for table in ALL_TABLES if table.name == "drift_metrics")

    assert " ".join(table.column_names[:22]) == DRIFT_COLUMNS


@pytest.mark.parametrize(("name", "options"), OPTIONS.items())
def test_options_of_each_step_are_as_published(name, options):
    assert " ".join(config.options_of(FUNCTIONS[name])) == options


def test_every_step_has_its_options_published():
    assert set(OPTIONS) == set(FUNCTIONS)


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
def test_keys_are_columns_and_every_column_is_described(table):
    assert set(table.key) <= set(table.column_names)
    assert all(re.match(r"\S", column.doc) for column in table.columns)
    assert len(set(table.column_names)) == len(table.columns)


def test_every_result_table_is_filled_by_one_step():
    # Of a table with a scope each step owns rows of its own.
    written = [table.name for step in (*STEPS, *COMPARISONS) for table in step.writes if table.scope is None]

    assert len(written) == len(set(written))


def test_the_data_dictionary_is_current():
    from generate_docs import tables_page

    assert (ROOT / "docs" / "tables.md").read_text() == tables_page(), "run: make docs"


def test_the_page_of_options_is_current_and_describes_each():
    from generate_docs import options_page, parameters_of

    assert (ROOT / "docs" / "options.md").read_text() == options_page(), "run: make docs"
    for step in (*STEPS, *COMPARISONS):
        described = parameters_of(step.function)
        assert [name for name in config.options_of(step.function) if not described.get(name, ("", ""))[1]] == []


def test_the_default_configuration_is_current():
    assert (ROOT / "conf" / "default.toml").read_text() == config.default_toml(FUNCTIONS), "run: make docs"


def test_the_default_configuration_can_be_loaded():
    loaded = config.load(str(ROOT / "conf" / "default.toml"), [], FUNCTIONS)

    assert loaded["outliers"]["method"] == "calibrated"


def test_the_pins_hold_names_and_versions_only():
    lines = (ROOT / "constraints.txt").read_text().splitlines()

    assert all(re.fullmatch(r"#.*|[\w.-]+==[\w.]+", line) for line in lines)
