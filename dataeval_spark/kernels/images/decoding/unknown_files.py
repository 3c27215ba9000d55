"""Kind of a file that is no image, from its first bytes, and advice on it."""

from __future__ import annotations

import json
import re

DAMAGED = "DamagedHeader"
_LFS = b"version https://git-lfs.github.com/spec/"
_HTML = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_XML = re.compile(rb"\s*<(?:\?xml|Error|[A-Za-z][\w:.-]*[\s>])")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_ARCHIVES = {b"PK\x03\x04": "a ZIP archive", b"\x1f\x8b": "a gzip archive", b"7z\xbc\xaf'\x1c": "a 7z archive"}
_OTHERS = {
    b"%PDF-": "a PDF document",
    b"\x93NUMPY": "a NumPy array",
    b"PAR1": "a Parquet file",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"DICM": "a DICOM file",
    b"RIFF": "a RIFF file (sound or video)",
    b"\x1aE\xdf\xa3": "a Matroska or WebM video",
    b"8BPS": "a Photoshop file of a kind that is not read",
}
# First bytes of images: the file was one, and is cut or damaged.
_SIGNATURES = {
    b"\xff\xd8": "JPEG",
    b"\x89PNG": "PNG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"II+\x00": "TIFF",
    b"MM\x00+": "TIFF",
    b"\x00\x00\x00\x0cjP  ": "JPEG 2000",
}
_FEW = 64
_TEXT_SAMPLE = 4096


def describe(data: bytes) -> tuple[str, str]:
    """Kind of bytes that no image reader knows: its name, and a sentence with advice.

    Returns
    -------
    tuple of str
        Class of error, such as ``EmptyFile``, and the message: the kind of the file, and what to do.

    Examples
    --------
    >>> describe(b"")
    ('EmptyFile', 'the file is empty (0 bytes): copy or download it again')
    """
    if not data:
        return "EmptyFile", "the file is empty (0 bytes): copy or download it again"
    if not data.strip(b"\0"):
        return "EmptyFile", f"all {len(data):,} bytes are zero: copy or download the file again"
    if data.startswith(_LFS):
        size = re.search(rb"\nsize (\d+)", data)
        size_text = f" of {int(size[1]):,} bytes" if size else ""
        return (
            "GitLfsPointer",
            f"a Git LFS pointer to a file{size_text}, not the file: run `git lfs pull` in its repository",
        )
    if data[4:8] == b"ftyp":
        return _of_boxes(data)
    for signature, name in (_ARCHIVES | _OTHERS).items():
        if data.startswith(signature) or (signature == b"DICM" and data[128:132] == signature):
            if data[8:12] == b"WEBP":
                return DAMAGED, _damaged("WebP", data)
            hint = "unpack it and ingest what is in it" if name.endswith("archive") else "convert it to PNG or TIFF"
            return "NotAnImage", f"{name}, not an image: {hint}"
    for signature, name in _SIGNATURES.items():
        if data.startswith(signature):
            return DAMAGED, _damaged(name, data)
    return _of_text(data)


def _damaged(name: str, data: bytes) -> str:
    fault = f"only {len(data)} bytes of it are there" if len(data) < _FEW else "its header is damaged or of a rare kind"
    return (
        f"begins as a {name} file, but {fault}: copy or download it again, or convert it with the program that wrote it"
    )


def _of_boxes(data: bytes) -> tuple[str, str]:
    brand = data[8:12]
    if brand in _HEIF_BRANDS:
        return "HeifImage", (
            "a HEIC or HEIF image, for which Pillow has no decoder: convert it to JPEG or PNG, for example with "
            "`heif-convert IN.heic OUT.png` or `sips -s format png IN.heic --out OUT.png`"
        )
    if brand in (b"avif", b"avis"):
        return DAMAGED, _damaged("AVIF", data)
    name = brand.decode("ascii", errors="replace").strip()
    return "NotAnImage", f"a video or other media file (ISO, brand {name}), not an image: extract its frames"


def _of_text(data: bytes) -> tuple[str, str]:
    start = data[:_TEXT_SAMPLE].removeprefix(b"\xef\xbb\xbf")
    if _HTML.match(start):
        title = re.search(rb"<title[^>]*>\s*(.*?)\s*</title>", start, re.IGNORECASE | re.DOTALL)
        title_text = f" titled {title[1][:80].decode('utf-8', errors='replace')!r}" if title and title[1] else ""
        return (
            "HtmlPage",
            f"an HTML page{title_text}, probably an error or login page of a server: download the image again",
        )
    if re.match(rb"\s*[\[{]", start) and _is_json(data):
        return "JsonText", "a JSON text, not an image: an answer of a server, or annotations (`--annotations`)"
    if re.search(rb"<svg\b", start):
        return "SvgDrawing", "an SVG drawing, which has no pixels: render it to PNG"
    if _XML.match(start):
        return "XmlText", "an XML text, not an image: an error of a server, or annotations (`--annotations`)"
    if _is_text(start):
        words = " ".join(start[:60].decode("utf-8", errors="replace").split())
        return "PlainText", f"a text, not an image: it begins {words!r}"
    beginning = data[:8].hex(" ")
    return "UnidentifiedImageError", (
        f"the bytes are in no image format that Pillow can identify (they begin {beginning}): convert the file to PNG, "
        "JPEG or TIFF, or leave it out"
    )


def _is_json(data: bytes) -> bool:
    if len(data) > 2**20:
        return _is_text(data[:_TEXT_SAMPLE])
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def _is_text(start: bytes) -> bool:
    try:
        text = start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 4:  # not merely a character that the sample cuts
            return False
        text = start[: error.start].decode("utf-8")
    return bool(text.strip()) and all(character.isprintable() or character.isspace() for character in text)
