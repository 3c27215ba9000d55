"""Tables of the profile: all measurements from one decode of each image."""

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import FINGERPRINT, IMAGE_ID, RUN_ID, TARGET_INDEX

PIXEL_COLUMNS = (
    Column.optional("mean", "double", "Mean over all channels and pixels", "pixel value"),
    Column.optional("std", "double", "Population standard deviation", "pixel value"),
    Column.optional("var", "double", "Population variance", "pixel value squared"),
    Column.optional("skew", "double", "Skewness m3 / m2^1.5; 0 when constant"),
    Column.optional("kurtosis", "double", "Excess kurtosis m4 / m2^2 - 3; 0 when constant"),
    Column.optional("entropy", "double", "Shannon entropy of the 256-bin histogram", "nat", "[0, 5.546]"),
    Column.share("missing", "Share of values that are NaN or infinite, or lie outside the image", nullable=True),
    Column.share("zeros", "Share of values that are 0", nullable=True),
)
NON_FINITE = Column.optional(
    "non_finite", "bigint", "Values that are NaN or infinite; all statistics are of the others", "values"
)
VISUAL_COLUMNS = (
    Column.optional("brightness", "double", "25th percentile (DataEval's definition)", range="[0, 255]"),
    Column.optional("contrast", "double", "(max - min) / mean of the five percentiles"),
    Column.optional("darkness", "double", "75th percentile (DataEval's definition)", range="[0, 255]"),
    Column.optional("sharpness", "double", "Standard deviation of the 3x3 edge image", range="[0, 127.5]"),
    Column.optional("percentiles", "array<double>", "Percentiles 0, 25, 50, 75 and 100", range="[0, 255]"),
)
DIMENSION_COLUMNS = (
    Column.optional("offset_x", "double", "Left edge of the box; 0 for the whole image", "pixel"),
    Column.optional("offset_y", "double", "Top edge of the box; 0 for the whole image", "pixel"),
    Column.optional("width", "double", "Width of the box or upright image", "pixel"),
    Column.optional("height", "double", "Height of the box or upright image", "pixel"),
    Column.optional("channels", "int", "Channels of the decoded image"),
    Column.optional("size", "double", "width x height", "pixel"),
    Column.optional(
        "aspect_ratio", "double", "1 - shorter / longer side; negative when tall, 0 when square", range="(-1, 1)"
    ),
    Column.optional("bit_depth", "int", "Bits per channel of the value range found in the image", "bit"),
    Column.optional("center_x", "double", "Horizontal centre", "pixel"),
    Column.optional("center_y", "double", "Vertical centre", "pixel"),
    Column.optional("distance_center", "double", "Distance from the box's centre to the image's centre", "pixel"),
    Column.optional("distance_edge", "double", "Distance from the box to the nearest image edge", "pixel"),
    Column.optional("invalid_box", "boolean", "The box is empty, inverted or wholly outside the image"),
)
APPEARANCE_COLUMNS = (
    Column.share("perceived_brightness", "Brightness of the mean colour (cleanvision)", nullable=True),
    Column.share("perceived_brightness_p5", "5th percentile of perceived brightness (cleanvision)", nullable=True),
    Column.share("perceived_brightness_p99", "99th percentile of perceived brightness (cleanvision)", nullable=True),
    Column.optional(
        "entropy_bits", "double", "Entropy of the concatenated channel histograms (Pillow, cleanvision)", "bit"
    ),
    Column.optional("blurriness", "double", "Standard deviation of edges at 64 px (cleanvision)"),
    Column.optional(
        "blurriness_grayscale_std", "double", "Standard deviation of the grey histogram at 64 px (cleanvision)"
    ),
    Column.optional("is_grayscale", "boolean", "One channel, or all colour channels equal"),
    Column.share("clipped_low", "Share of values at the lowest value of the range", nullable=True),
    Column.share("clipped_high", "Share of values at the highest value of the range", nullable=True),
    Column.optional("colorfulness", "double", "Colourfulness of Hasler and Süsstrunk; 0 for grey images"),
    Column.optional(
        "noise", "double", "Standard deviation of noise, estimated by Immerkær's method", "on a scale of 0 to 255"
    ),
    Column.optional(
        "noise_floor", "double", "Noise in the quietest tenth, beyond what edges explain", "on a scale of 0 to 255"
    ),
    Column.optional(
        "blur",
        "double",
        "Gaussian blur that would leave a step edge as soft: its standard deviation",
        "pixel",
        "[0, 64]",
    ),
)
FILE_COLUMNS = (
    Column.optional("format", "string", "File format, such as JPEG or PNG"),
    Column.optional("color_mode", "string", "Colour mode in the file, such as RGB, L, P or CMYK"),
    Column.optional("orientation", "int", "EXIF orientation that was applied; 1 when none", range="1..8"),
    Column.optional("stored_width", "int", "Width in the file, before its orientation is applied", "pixel"),
    Column.optional("stored_height", "int", "Height in the file, before its orientation is applied", "pixel"),
    Column.optional("frames", "int", "Frames in the file; the first one is measured"),
    Column.optional("pixel_type", "string", "Type of the decoded pixels, such as uint8 or float32"),
    Column.optional("conversion", "string", "Conversion of the pixels in decoding, such as CMYK to RGB; null: none"),
    Column.optional("decoder", "string", "Library that read the pixels: Pillow, simplejpeg or tifffile"),
    Column.optional("captured_at", "timestamp", "Capture time in the EXIF data, UTC"),
    Column.optional("camera_make", "string", "Maker of the camera (EXIF)"),
    Column.optional("camera_model", "string", "Model of the camera (EXIF)"),
    Column.optional("has_gps", "boolean", "The EXIF data hold a position"),
    Column.optional("jpeg_quality", "int", "Standard JPEG quality nearest to the file's", range="[1, 100]"),
    Column.optional("chroma_subsampling", "string", "Of a colour JPEG, such as 4:2:0"),
    Column.optional("is_animated", "boolean", "More than one frame is shown in turn"),
    Column.optional("has_alpha", "boolean", "Some transparency is in the file"),
    Column.optional("has_icc_profile", "boolean", "A colour profile is embedded"),
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
        Column.optional(
            "histogram",
            "array<bigint>",
            "Values per bin, of 256 equal bins of the value range; of the whole image the sum over the channels",
            "pixels",
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
    doc="The pixel and visual statistics of the pixels that no box covers (`profile.background`).",
    key=("image_id",),
    columns=(
        IMAGE_ID,
        Column.share("share", "Share of the image that no box covers", nullable=True),
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
        Column.optional("file_hash", "string", "xxh3-128 of the file's bytes; null for a box"),
        Column.optional(
            "content_hash",
            "string",
            "xxh3-128 of shape, type and all that was decoded: every frame and bit, alpha and the colours beneath it; "
            "an opaque alpha adds nothing",
        ),
        Column.optional(
            "content_scope",
            "string",
            "How much of the file the content hash covers: all; first_frame (the frames have more than "
            "profile.max_pixels pixels in all, or a later one is damaged; of a box in a file of several frames); "
            "fewer_bits (the decoder gives eight of more bits)",
        ),
        Column.optional("phash", "string", "64-bit DCT perceptual hash, hexadecimal"),
        Column.optional("dhash", "string", "64-bit gradient perceptual hash, hexadecimal"),
        Column.optional("phash_d4", "string", "Smallest phash over the 8 rotations and flips"),
        Column.optional("dhash_d4", "string", "Smallest dhash over the 8 rotations and flips"),
        Column.optional("phash_noise_bits", "int", "Bits of phash that noise of 1 grey level can flip", "bit"),
        Column.optional("dhash_noise_bits", "int", "Bits of dhash that noise of 1 grey level can flip", "bit"),
        Column.optional("dataeval_xxhash", "string", "DataEval's own pixel hash; only with profile.compat"),
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
        Column.optional("split", "string", "Split; null for the whole dataset"),
        Column("colors", "string", "gray, color, `N bands`, or `all as color`: grey images as three equal channels"),
        Column("channel", "int", "Channel, from 0 (red, green, blue for colour images)"),
        Column("image_count", "bigint", "Images with such a channel", "images"),
        Column("unknown_range_count", "bigint", "Images left out: their value range is unknown", "images"),
        Column("pixel_count", "bigint", "Pixels that were measured", "pixels"),
        Column.share("mean", "Mean, on a scale on which the value range of each image is 0 to 1", nullable=True),
        Column.optional(
            "std", "double", "Population standard deviation over all pixels, on the same scale", range="[0, 0.5]"
        ),
        Column.optional(
            "common_sizes",
            "array<struct<width: int, height: int, image_count: bigint>>",
            "The ten most common sizes of these images, the most common first",
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
        Column("message", "string", "Message of the reader"),
        Column.optional("content_length", "bigint", "Size of the file, where it is known", "bytes"),
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
