"""A user's own statistics: numpy functions that are called with the pixels of the one decode."""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from dataeval_spark.errors import OptionError, first_line

PREFIX = "custom_"
_MESSAGE_LENGTH = 300
Function = Callable[[NDArray[Any]], float | Mapping[str, float]]


@dataclass(frozen=True)
class CustomStatistic:
    """A function by name, and the digest of its version.

    Attributes
    ----------
    reference : str
        ``module:function``; the function takes the decoded pixels (height, width, channels) of an image or box and
        returns a number, or a dict of numbers by name.
    digest : str
        Hash of the module's source: images are measured anew when it changes.
    folder : str
        Folder of the module on the driver; workers of the same machine look there too. On a cluster the module is
        shipped with ``--py-files``, or installed.
    """

    reference: str
    digest: str
    folder: str

    @property
    def column(self) -> str:
        """Name of its column, or the beginning of it where it returns a dict: ``custom_<function>``."""
        return PREFIX + self.reference.partition(":")[2]

    @classmethod
    def from_reference(cls, reference: str) -> CustomStatistic:
        """Find a function, also in the current folder.

        Raises
        ------
        OptionError
            The reference has another form, cannot be imported, or is not a function.

        Examples
        --------
        >>> CustomStatistic.from_reference("numpy:mean").column
        'custom_mean'
        """
        if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", reference):
            raise OptionError(
                f"profile.statistics names {reference!r}; expected module:function.\n"
                "Hint: profile.statistics = ['my_statistics:color_cast']"
            )
        module_name = reference.partition(":")[0]
        try:
            _function(reference, str(Path.cwd()))
        except Exception as error:
            raise OptionError(
                f"profile.statistics names {reference!r}, which cannot be used: {type(error).__name__}: {error}.\n"
                f"Hint: put {module_name}.py, with that function in it, into the current folder, or install the module"
            ) from error
        file = getattr(sys.modules[module_name], "__file__", None)
        source = Path(file).read_bytes() if file else b""
        parents = module_name.count(".") + (1 if file and Path(file).name == "__init__.py" else 0)
        folder = str(Path(file).resolve().parents[parents]) if file else ""
        return cls(reference, hashlib.sha256(source).hexdigest()[:16], folder)


def measure_custom(
    statistics: Sequence[CustomStatistic], pixels: NDArray[Any]
) -> tuple[dict[str, float | None], dict[str, str]]:
    """Call each function with the pixels; one that fails costs its own values only.

    Returns
    -------
    tuple
        Values by column, None for those that are not finite; and errors by column of the functions that failed.

    Examples
    --------
    >>> measure_custom([CustomStatistic.from_reference("numpy:mean")], np.full((2, 2, 1), 7.0))
    ({'custom_mean': 7.0}, {})
    """
    values: dict[str, float | None] = {}
    errors: dict[str, str] = {}
    for statistic in statistics:
        try:
            values |= _values(statistic, _function(statistic.reference, statistic.folder)(pixels))
        except Exception as error:  # it is not ours
            errors[statistic.column] = f"{type(error).__name__}: {first_line(error, '')}"[:_MESSAGE_LENGTH]
    return values, errors


def _values(statistic: CustomStatistic, result: Any) -> dict[str, float | None]:
    value_of = {statistic.column: result}
    if isinstance(result, Mapping):
        value_of = {f"{statistic.column}_{key}": value for key, value in result.items()}
    for name in value_of:
        if not re.fullmatch(r"\w+", name, re.ASCII):
            raise ValueError(f"{name!r} is not a name for a column; expected letters, digits and _")
    numbers = {name: float(value) for name, value in value_of.items()}
    return {name: value if math.isfinite(value) else None for name, value in numbers.items()}


@functools.lru_cache(maxsize=64)
def _function(reference: str, folder: str) -> Function:
    module_name, _, name = reference.partition(":")
    if folder and importlib.util.find_spec(module_name.partition(".")[0]) is None:
        sys.path.append(folder)
        importlib.invalidate_caches()
    function = getattr(importlib.import_module(module_name), name)
    if not callable(function):
        raise TypeError(f"{name} is of type {type(function).__name__}; expected a function")
    return function
