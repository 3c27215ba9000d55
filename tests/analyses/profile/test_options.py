"""Options of the profile: which are refused, what the kernel gets of them, and what results depend on."""

from __future__ import annotations

import pytest

from dataeval_spark.analyses.profile.options import check, fingerprint_of, limits_of, measures_of, version_of_encoder
from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.encoders import encoder_version
from dataeval_spark.options import ProfileOptions


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_timeout": 0}, r"profile\.image_timeout is 0; expected a number in"),
        ({"image_memory": 1000}, r"profile\.image_memory is 1000; expected a number in"),
    ],
)
def test_limits_that_no_image_meets_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        check(ProfileOptions(**options))


@pytest.mark.parametrize("bounds", [(1.0, 1.0), (5.0, -5.0), (0.0, float("inf")), (1.0, 2.0, 3.0)])
def test_a_range_of_values_has_two_finite_ends(bounds):
    with pytest.raises(
        OptionError, match=r"(?s)profile\.value_range is \[.*Hint: profile\.value_range = \[-1\.0, 1\.0\]"
    ):
        check(ProfileOptions(value_range=bounds))


def test_the_kernel_gets_the_options_in_its_own_types():
    options = ProfileOptions(
        max_pixels=900, channel_groups={"warm": [0, 1]}, value_range=(0, 4095), encoder="thumbnail", image_memory=2**28
    )

    measures = measures_of(options)

    assert (measures.max_pixels, measures.frame_pixels, measures.keep_pixels) == (900, 900, True)
    assert (measures.channel_groups, measures.value_range) == ({"warm": (0, 1)}, (0.0, 4095.0))
    assert limits_of(options).memory == 2**28
    assert not measures_of(ProfileOptions()).keep_pixels


def test_the_fingerprint_names_all_that_rows_depend_on_and_not_the_encoder():
    plain = fingerprint_of(ProfileOptions())
    changes = ({"max_pixels": 9}, {"timezone": "Asia/Tokyo"}, {"value_range": (0, 1)}, {"statistics": ("numpy:mean",)})

    assert len({plain, *(fingerprint_of(ProfileOptions(**change)) for change in changes)}) == 5
    assert fingerprint_of(ProfileOptions(encoder="thumbnail", batch_size=7, image_timeout=1)) == plain


def test_the_version_of_vectors_is_that_of_the_encoder():
    assert version_of_encoder(ProfileOptions(encoder="thumbnail")) == encoder_version("thumbnail")
    assert version_of_encoder(ProfileOptions()) == ""
