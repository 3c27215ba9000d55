"""What a profile measures and how: checked early, and part of every fingerprint as far as results depend on it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.custom_statistics import CustomStatistic
from dataeval_spark.kernels.decode import MAX_PIXELS
from dataeval_spark.kernels.encoders import encoder_version, require_encoder
from dataeval_spark.kernels.image_profile import Measures
from dataeval_spark.kernels.isolated import Limits

# Raised whenever a measured value changes: every image is then measured anew.
VERSION = 4


@dataclass(frozen=True)
class ProfileOptions:
    """Options of the profile.

    Attributes
    ----------
    encoder : str, optional
        Embed each image, and each box with ``per_target``; see docs/encoders.md for the names.
    per_target : bool
        Measure boxes too.
    max_pixels : int
        Larger images are refused before they are decoded (decompression bombs).
    timezone : str
        Zone of capture times in EXIF data that name none.
    channel_groups : mapping of str to sequence of int, optional
        Channels to measure together as well, by a name: table ``channel_group_stats``.
    background : bool
        Measure what no box covers: table ``background_stats``.
    value_range : sequence of two float, optional
        Lowest and highest value that pixels can have, where the values of an image do not tell (signed data).
    compat : {"dataeval"}, optional
        Add DataEval's own hash of pixels, to compare with its results.
    statistics : sequence of str
        Functions of your own, ``module:function``: columns ``custom_*`` of ``image_stats``.
    image_timeout : float
        Seconds that one image may take; one that takes longer is unreadable.
    image_memory : int
        Bytes of memory that one image may take where it is decoded in a process of its own: large images, and all of
        a task that is tried again. On Linux only.
    batch_size : int, optional
        Most images that go to the encoder's device at once; by default what suits the encoder.
    device : str
        Device of the encoder: "auto" (the task's GPU, else any visible, else the CPU), "cpu" or "cuda:N".
    half_precision : bool
        Let the encoder compute in 16 bits on a GPU.
    """

    encoder: str | None = None
    per_target: bool = True
    max_pixels: int = MAX_PIXELS
    timezone: str = "UTC"
    channel_groups: Mapping[str, Sequence[int]] | None = None
    background: bool = False
    value_range: Sequence[float] | None = None
    compat: str | None = None
    statistics: Sequence[str] = ()
    image_timeout: float = Limits.seconds
    image_memory: int = Limits.memory
    batch_size: int | None = None
    device: str = "auto"
    half_precision: bool = False

    def check(self) -> None:
        """Raise an error for what cannot be: before a job starts.

        Raises
        ------
        OptionError
            An option has a value that it cannot have.
        MissingExtraError, EncoderError
            The encoder cannot be used here.
        """
        OptionError.unless_between("profile.max_pixels", self.max_pixels, 1, 2**31)
        OptionError.unless_between("profile.image_timeout", self.image_timeout, 0.1, 86_400)
        OptionError.unless_between("profile.image_memory", self.image_memory, 64 * 2**20, 2**50)
        if self.batch_size is not None:
            OptionError.unless_between("profile.batch_size", self.batch_size, 1, 1_000_000)
        if self.compat is not None:
            OptionError.unless_one_of("profile.compat", self.compat, ("dataeval",))
        bounds = self.value_range
        if bounds is not None and not (len(bounds) == 2 and bounds[0] < bounds[1]):
            raise OptionError(
                f"profile.value_range is {list(bounds)}; expected the lowest and the highest value.\n"
                "Hint: profile.value_range = [-1.0, 1.0]"
            )
        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError) as error:
            raise OptionError(
                f"profile.timezone is {self.timezone!r}, which is no zone: {error}.\n"
                "Hint: profile.timezone = 'Europe/Berlin'"
            ) from None
        for name, channels in (self.channel_groups or {}).items():
            if not channels or not all(isinstance(c, int) and not isinstance(c, bool) and c >= 0 for c in channels):
                raise OptionError(
                    f"profile.channel_groups.{name} is {channels!r}; expected numbers of channels from 0.\n"
                    "Hint: profile.channel_groups = {visible = [0, 1, 2], infrared = [3]}"
                )
        for reference in self.statistics:
            CustomStatistic.of(reference)
        if self.encoder is not None:
            require_encoder(self.encoder)

    def measures(self) -> Measures:
        """What the kernel is asked for."""
        bounds = self.value_range
        return Measures(
            max_pixels=self.max_pixels,
            timezone=self.timezone,
            channel_groups={name: tuple(channels) for name, channels in (self.channel_groups or {}).items()},
            background=self.background,
            value_range=None if bounds is None else (float(bounds[0]), float(bounds[1])),
            compat=self.compat,
            statistics=tuple(map(CustomStatistic.of, self.statistics)),
            keep_pixels=self.encoder is not None,
        )

    def limits(self) -> Limits:
        """What one image may take."""
        return Limits(float(self.image_timeout), int(self.image_memory))

    def encoder_version(self) -> str:
        """Version of the encoder's vectors; empty without an encoder."""
        return encoder_version(self.encoder) if self.encoder else ""

    def fingerprint(self) -> str:
        """All of it that the rows depend on, the encoder apart: vectors carry a version of their own."""
        measures = self.measures()
        groups = json.dumps(measures.channel_groups, sort_keys=True)
        custom = ",".join(f"{statistic.reference}@{statistic.digest}" for statistic in measures.statistics)
        switches = (VERSION, self.max_pixels, self.per_target, self.timezone, groups, self.background, self.compat)
        return "|".join(map(str, (*switches, measures.value_range, custom)))
