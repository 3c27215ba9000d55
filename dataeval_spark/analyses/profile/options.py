"""Options of the profile: their checks, the arguments of the kernel, and the fingerprint that results depend on."""

from __future__ import annotations

import json
from math import isfinite
from zoneinfo import ZoneInfo

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.encoders import encoder_version, require_encoder
from dataeval_spark.kernels.images.custom_statistics import CustomStatistic
from dataeval_spark.kernels.images.decoding.limits import Limits
from dataeval_spark.kernels.images.profile import Measures
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.options import ProfileOptions

# One more whenever a measured value changes, or what fingerprints are made of: every image is then measured anew.
VERSION = 5


def check(options: ProfileOptions) -> None:
    """Raise an error for options that cannot be used, before a job starts.

    Raises
    ------
    OptionError
        An option has a value that it cannot have.
    MissingExtraError, EncoderError
        The encoder cannot be used here.
    """
    within("profile.images_per_commit", options.images_per_commit)
    within("profile.max_pixels", options.max_pixels)
    within("profile.image_timeout", options.image_timeout)
    within("profile.image_memory", options.image_memory)
    if options.batch_size is not None:
        within("profile.batch_size", options.batch_size)
    if options.compat is not None:
        OptionError.unless_one_of("profile.compat", options.compat, ("dataeval",))
    bounds = options.value_range
    if bounds is not None and not (len(bounds) == 2 and bounds[0] < bounds[1] and isfinite(bounds[1] - bounds[0])):
        raise OptionError(
            f"profile.value_range is {list(bounds)}; expected two finite numbers, the lowest and the highest value.\n"
            "Hint: profile.value_range = [-1.0, 1.0]"
        )
    try:
        ZoneInfo(options.timezone)
    except (KeyError, ValueError, OSError) as error:
        raise OptionError(
            f"profile.timezone is {options.timezone!r}, which is not a time zone: {error}.\n"
            "Hint: profile.timezone = 'Europe/Berlin'"
        ) from None
    for name, channels in (options.channel_groups or {}).items():
        if not channels or not all(isinstance(c, int) and not isinstance(c, bool) and c >= 0 for c in channels):
            raise OptionError(
                f"profile.channel_groups.{name} is {channels!r}; expected numbers of channels from 0.\n"
                "Hint: profile.channel_groups = {visible = [0, 1, 2], infrared = [3]}"
            )
    for reference in options.statistics:
        CustomStatistic.from_reference(reference)
    if options.encoder is not None:
        require_encoder(options.encoder)


def measures_of(options: ProfileOptions) -> Measures:
    """Arguments of the kernel."""
    bounds = options.value_range
    return Measures(
        max_pixels=options.max_pixels,
        frame_pixels=options.max_pixels,
        timezone=options.timezone,
        channel_groups={name: tuple(channels) for name, channels in (options.channel_groups or {}).items()},
        background=options.background,
        value_range=None if bounds is None else (float(bounds[0]), float(bounds[1])),
        compat=options.compat,
        statistics=tuple(map(CustomStatistic.from_reference, options.statistics)),
        keep_pixels=options.encoder is not None,
    )


def limits_of(options: ProfileOptions) -> Limits:
    """Time and memory that one image may take."""
    return Limits(float(options.image_timeout), int(options.image_memory))


def version_of_encoder(options: ProfileOptions) -> str:
    """Version of the encoder's vectors; empty without an encoder."""
    return encoder_version(options.encoder) if options.encoder else ""


def fingerprint_of(options: ProfileOptions) -> str:
    """Options that the rows depend on, in one text. The encoder is not among them: vectors carry its version."""
    measures = measures_of(options)
    groups = json.dumps(measures.channel_groups, sort_keys=True)
    custom = ",".join(f"{statistic.reference}@{statistic.digest}" for statistic in measures.statistics)
    switches = (
        VERSION,
        options.max_pixels,
        options.per_target,
        options.timezone,
        groups,
        options.background,
        options.compat,
    )
    return "|".join(map(str, (*switches, measures.value_range, custom)))
