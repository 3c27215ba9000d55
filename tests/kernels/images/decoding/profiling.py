"""The profile's kernel in children, for files that may do anything to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dataeval_spark.kernels.images.decoding.children import Children, Each, as_outcome, lists_of
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.kernels.images.decoding.limits import Limits
from dataeval_spark.kernels.images.profile import ImageProfile, profile_image


class Profiling:
    """Two children, which have compiled and loaded everything."""

    def __init__(self, *, seconds: float, memory: int) -> None:
        self._limits = Limits(seconds=300)
        self._children = Children(2)
        list(self.of([b"P6 16 16 255 " + bytes(768)] * 64))
        self._limits = Limits(seconds, memory)

    def of(self, files: Iterable[bytes]) -> Iterator[ImageProfile | UnreadableImage]:
        """The profile of each file, or why there is none."""
        lists = lists_of(((data,) for data in files), lambda image: len(image[0]))
        function = Each(profile_image, self._limits)
        for outcomes in self._children.results(function, lists, lost=as_outcome, limits=self._limits):
            yield from outcomes

    def close(self) -> None:
        self._children.close()
