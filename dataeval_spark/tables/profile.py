"""Tables of the profile: all measurements from one decode of each image."""

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import FINGERPRINT, IMAGE_ID, RUN_ID, TARGET_INDEX


def _number(name: str, doc: str, unit: str = "", range: str = "") -> Column:
    return Column(name, "double", doc, unit, range, nullable=True)


PIXEL_COLUMNS = (
    _number("mean", "Mean over all channels and pixels", "pixel value"),
    _number("std", "Population standard deviation", "pixel value"),
    _number("var", "Population variance", "pixel value squared"),
    _number("skew", "Skewness m3 / m2^1.5; 0 when constant"),
    _number("kurtosis", "Excess kurtosis m4 / m2^2 - 3; 0 when constant"),
    _number("entropy", "Shannon entropy of the 256-bin histogram", "nat", "[0, 5.546]"),
    _number("missing", "Share of values that are NaN or infinite, or lie outside the image", range="[0, 1]"),
    _number("zeros", "Share of values that are 0", range="[0, 1]"),
)
NON_FINITE = Column(
    "non_finite", "bigint", "Values that are NaN or infinite; all statistics are of the others", "values", nullable=True
)
VISUAL_COLUMNS = (
    _number("brightness", "25th percentile (DataEval's definition)", range="[0, 255]"),
    _number("contrast", "(max - min) / mean of the five percentiles"),
    _number("darkness", "75th percentile (DataEval's definition)", range="[0, 255]"),
    _number("sharpness", "Standard deviation of the 3x3 edge image", range="[0, 127.5]"),
    Column("percentiles", "array<double>", "Percentiles 0, 25, 50, 75 and 100", range="[0, 255]", nullable=True),
)
DIMENSION_COLUMNS = (
    _number("offset_x", "Left edge of the box; 0 for the whole image", "pixel"),
    _number("offset_y", "Top edge of the box; 0 for the whole image", "pixel"),
    _number("width", "Width of the box or upright image", "pixel"),
    _number("height", "Height of the box or upright image", "pixel"),
    Column("channels", "int", "Channels of the decoded image", nullable=True),
    _number("size", "width x height", "pixel"),
    _number("aspect_ratio", "1 - shorter / longer side; negative when tall, 0 when square", range="(-1, 1)"),
    Column("bit_depth", "int", "Bits per channel of the value range found in the image", "bit", nullable=True),
    _number("center_x", "Horizontal centre", "pixel"),
    _number("center_y", "Vertical centre", "pixel"),
    _number("distance_center", "Distance from the box's centre to the image's centre", "pixel"),
    _number("distance_edge", "Distance from the box to the nearest image edge", "pixel"),
    Column("invalid_box", "boolean", "The box is empty, inverted or wholly outside the image", nullable=True),
)
APPEARANCE_COLUMNS = (
    _number("perceived_brightness", "Brightness of the mean colour (cleanvision)", range="[0, 1]"),
    _number("perceived_brightness_p5", "5th percentile of perceived brightness (cleanvision)", range="[0, 1]"),
    _number("perceived_brightness_p99", "99th percentile of perceived brightness (cleanvision)", range="[0, 1]"),
    _number("entropy_bits", "Entropy of the concatenated channel histograms (Pillow, cleanvision)", "bit"),
    _number("blurriness", "Standard deviation of edges at 64 px (cleanvision)"),
    _number("blurriness_grayscale_std", "Standard deviation of the grey histogram at 64 px (cleanvision)"),
    Column("is_grayscale", "boolean", "One channel, or all colour channels equal", nullable=True),
    _number("clipped_low", "Share of values at the lowest value of the range", range="[0, 1]"),
    _number("clipped_high", "Share of values at the highest value of the range", range="[0, 1]"),
    _number("colorfulness", "Colourfulness of Hasler and Süsstrunk; 0 for grey images"),
    _number("noise", "Standard deviation of noise, estimated by Immerkær's method", "on a scale of 0 to 255"),
    _number("noise_floor", "Noise in the quietest tenth, beyond what edges explain", "on a scale of 0 to 255"),
    _number("blur", "Gaussian blur that would leave a step edge as soft: its standard deviation", "pixel", "[0, 64]"),
)
FILE_COLUMNS = (
    Column("format", "string", "File format, such as JPEG or PNG", nullable=True),
    Column("color_mode", "string", "Colour mode in the file, such as RGB, L, P or CMYK", nullable=True),
    Column("orientation", "int", "EXIF orientation that was applied; 1 when none", range="1..8", nullable=True),
    Column("stored_width", "int", "Width in the file, before its orientation is applied", "pixel", nullable=True),
    Column("stored_height", "int", "Height in the file, before its orientation is applied", "pixel", nullable=True),
    Column("frames", "int", "Frames in the file; the first one is measured", nullable=True),
    Column("pixel_type", "string", "Type of the decoded pixels, such as uint8 or float32", nullable=True),
    Column("conversion", "string", "What decoding did to the pixels, such as CMYK to RGB; null: none", nullable=True),
    Column("decoder", "string", "Library that read the pixels: Pillow, simplejpeg or tifffile", nullable=True),
    Column("captured_at", "timestamp", "Capture time in the EXIF data, UTC", nullable=True),
    Column("camera_make", "string", "Maker of the camera (EXIF)", nullable=True),
    Column("camera_model", "string", "Model of the camera (EXIF)", nullable=True),
    Column("has_gps", "boolean", "The EXIF data hold a position", nullable=True),
    Column("jpeg_quality", "int", "Standard JPEG quality nearest to the file's", range="[1, 100]", nullable=True),
    Column("chroma_subsampling", "string", "Of a colour JPEG, such as 4:2:0", nullable=True),
    Column("is_animated", "boolean", "More than one frame is shown in turn", nullable=True),
    Column("has_alpha", "boolean", "Some transparency is in the file", nullable=True),
    Column("has_icc_profile", "boolean", "A colour profile is embedded", nullable=True),
)

IMAGE_STATS = Table(
    name="image_stats",
    doc="Statistics of each image and of each box in it. An image is here or in `unreadable_images`, never in both. "
    "Statistics of your own (`profile.statistics`) are columns `custom_*`.",
    key=("image_id", "target_index"),
    columns=(
        IMAGE_ID,
        TARGET_INDEX,
        *DIMENSION_COLUMNS,
        *PIXEL_COLUMNS,
        NON_FINITE,
        *VISUAL_COLUMNS,
        *APPEARANCE_COLUMNS,
        *FILE_COLUMNS,
        FINGERPRINT,
        RUN_ID,
    ),
    write="upsert",
    open=True,
)
DATAEVAL_STATISTICS = (
    *("width", "height", "size", "aspect_ratio", "channels"),
    *(column.name for column in (*PIXEL_COLUMNS, *VISUAL_COLUMNS) if column.type == "double"),
)
"""Columns of `image_stats` that DataEval compares between images."""

CHANNEL_STATS = Table(
    name="channel_stats",
    doc="The pixel and visual statistics of each channel, with its histogram.",
    key=("image_id", "target_index", "channel"),
    columns=(
        IMAGE_ID,
        TARGET_INDEX,
        Column("channel", "int", "Channel, from 0 (red, green, blue for colour images)"),
        *PIXEL_COLUMNS,
        *VISUAL_COLUMNS,
        Column(
            "histogram",
            "array<bigint>",
            "Values per bin, 256 equal bins of the value range; of the whole image: their sum over the channels",
            "pixels",
            nullable=True,
        ),
        FINGERPRINT,
        RUN_ID,
    ),
    write="upsert",
)

CHANNEL_GROUP_STATS = Table(
    name="channel_group_stats",
    doc="The pixel and visual statistics of named groups of channels (`profile.channel_groups`); null for an image "
    "that lacks one of the channels.",
    key=("image_id", "target_index", "group_name"),
    columns=(
        IMAGE_ID,
        TARGET_INDEX,
        Column("group_name", "string", "Name of the group"),
        *PIXEL_COLUMNS,
        *VISUAL_COLUMNS,
        FINGERPRINT,
        RUN_ID,
    ),
    write="upsert",
)

BACKGROUND_STATS = Table(
    name="background_stats",
    doc="The pixel and visual statistics of what no box covers (`profile.background`).",
    key=("image_id",),
    columns=(
        IMAGE_ID,
        _number("share", "Share of the image that no box covers", range="[0, 1]"),
        *PIXEL_COLUMNS,
        *VISUAL_COLUMNS,
        FINGERPRINT,
        RUN_ID,
    ),
    write="upsert",
)

HASHES = Table(
    name="hashes",
    doc="Hashes of each image and box. A perceptual hash is null where the shorter side is below 9 pixels.",
    key=("image_id", "target_index"),
    columns=(
        IMAGE_ID,
        TARGET_INDEX,
        Column("file_hash", "string", "xxh3-128 of the file's bytes; null for a box", nullable=True),
        Column(
            "content_hash",
            "string",
            "xxh3-128 of shape, type and all that was decoded: every frame and bit, alpha and the colours beneath it; "
            "an opaque alpha adds nothing",
            nullable=True,
        ),
        Column(
            "content_scope",
            "string",
            "How much of the file the content hash covers: all; first_frame (the frames have more than "
            "profile.max_pixels pixels in all, or a later one is damaged; of a box in a file of several frames); "
            "fewer_bits (the decoder gives eight of more bits)",
            nullable=True,
        ),
        Column("phash", "string", "64-bit DCT perceptual hash, hexadecimal", nullable=True),
        Column("dhash", "string", "64-bit gradient perceptual hash, hexadecimal", nullable=True),
        Column("phash_d4", "string", "Smallest phash over the 8 rotations and flips", nullable=True),
        Column("dhash_d4", "string", "Smallest dhash over the 8 rotations and flips", nullable=True),
        Column("phash_noise_bits", "int", "Bits of phash that noise of 1 grey level can flip", "bit", nullable=True),
        Column("dhash_noise_bits", "int", "Bits of dhash that noise of 1 grey level can flip", "bit", nullable=True),
        Column("dataeval_xxhash", "string", "DataEval's own pixel hash; only with profile.compat", nullable=True),
        FINGERPRINT,
        RUN_ID,
    ),
    write="upsert",
)

NORMALIZATION = Table(
    name="normalization",
    doc="Mean and standard deviation of each channel over all pixels, and the common image sizes: what a training "
    "pipeline normalises with. Rows for grey and for colour images, and for all of them as colour.",
    key=("split", "colors", "channel"),
    columns=(
        Column("split", "string", "Split; null for the whole dataset", nullable=True),
        Column("colors", "string", "gray, color, `N bands`, or `all as color`: grey images as three equal channels"),
        Column("channel", "int", "Channel, from 0 (red, green, blue for colour images)"),
        Column("image_count", "bigint", "Images with such a channel", "images"),
        Column("unknown_range_count", "bigint", "Images left out: their value range is unknown", "images"),
        Column("pixel_count", "bigint", "Pixels that were measured", "pixels"),
        _number("mean", "Mean, on a scale on which the value range of each image is 0 to 1", range="[0, 1]"),
        _number("std", "Population standard deviation over all pixels, on the same scale", range="[0, 0.5]"),
        Column(
            "common_sizes",
            "array<struct<width: int, height: int, image_count: bigint>>",
            "The ten most common sizes of these images, the most common first",
            nullable=True,
        ),
        RUN_ID,
    ),
)

UNREADABLE_IMAGES = Table(
    name="unreadable_images",
    doc="Images that could not be read, and why.",
    key=("image_id",),
    columns=(
        IMAGE_ID,
        Column("stage", "string", "read, header, decode, statistics, or encode: measured, but without a vector"),
        Column("error_class", "string", "Class of the error"),
        Column("message", "string", "What the reader said"),
        Column("content_length", "bigint", "Size of the file, where it is known", "bytes", nullable=True),
        FINGERPRINT,
        RUN_ID,
    ),
    write="upsert",
)

EMBEDDINGS = Table(
    name="embeddings",
    doc="One vector per image, or box (`profile.per_target`), and encoder.",
    key=("image_id", "target_index", "encoder"),
    columns=(
        IMAGE_ID,
        TARGET_INDEX,
        Column("encoder", "string", "Name of the encoder"),
        Column("embedding", "array<float>", "The vector"),
        Column("encoder_version", "string", "Hash of the encoder's definition and preprocessing"),
        FINGERPRINT,
        RUN_ID,
    ),
    write="upsert",
)
