"""Checks of the options of a split, before anything is read."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from dataeval_spark.analyses.splits.assign import METHODS
from dataeval_spark.analyses.splits.parts import GIVEN
from dataeval_spark.errors import OptionError
from dataeval_spark.options import SplitOptions

STRATIFIED = ("stratified", "stratified_group")
TIME_OPTIONS = ("gap", "horizon", "test_size", "max_train")


def check(name: str, request: SplitOptions) -> None:
    """Raise OptionError where options do not go together."""
    if not name or "/" in name or name == GIVEN:
        raise OptionError(f"A split cannot be named {name!r}: it may hold no '/', and 'given' is the source's own.")
    if (request.method == "test_value") != (request.test_value is not None):
        raise OptionError("split: method test_value and option test_value go together.\nHint: --test-value site=B")
    if request.method in ("group", "leave_one_group_out") and not request.group_by:
        raise OptionError(f"split.method is {request.method!r} and group_by names nothing.\nHint: --group-by patient")
    time_options = [option for option in TIME_OPTIONS if getattr(request, option) not in (None, 0, 0.0)]
    if time_options and request.method != "time":
        raise OptionError(f"split.{time_options[0]} is for method time, and the method is {request.method!r}.")
    if request.target is not None and request.method not in STRATIFIED:
        raise OptionError(
            f"split.target gives the shares of strata, which method {request.method!r} does not balance.\n"
            f"Hint: --method {STRATIFIED[-1]}"
        )
    if request.combined and request.method not in (*STRATIFIED, "hash", "test_value"):
        raise OptionError(f"split.combined is about strata, which method {request.method!r} does not balance.")
    if request.folds is not None and request.method in ("test_value", "leave_one_group_out"):
        raise OptionError(
            f"split.folds is {request.folds}, and the parts of method {request.method!r} follow from the groups.\n"
            "Hint: leave folds out"
        )
    is_drawn = request.method in METHODS and request.method != "leave_one_group_out"
    if request.repeats != 1 and not (is_drawn and request.shuffle):
        raise OptionError(
            f"split.repeats is {request.repeats}, and method {request.method!r}"
            f"{'' if is_drawn else ' draws nothing'}{' without shuffle' if not request.shuffle else ''} gives one "
            "result only.\nHint: leave repeats out"
        )
    if not request.shuffle and not is_drawn:
        raise OptionError(
            f"split.shuffle is false, and method {request.method!r} shuffles nothing.\nHint: leave it out"
        )


def of_dataset(option: str, ref: str) -> Column:
    """SQL condition of a reference ``dataset=NAME``."""
    key, _, value = ref.partition("=")
    if key != "dataset" or not value:
        raise OptionError(f"split.{option} is {ref!r}; expected dataset=NAME.")
    return F.col("dataset") == value
