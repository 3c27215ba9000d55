"""Text of files that people write: UTF-8, else what the file declares, else a guess that is named."""

from __future__ import annotations

import codecs
import io
import re
from typing import TextIO

from charset_normalizer import from_bytes

from dataeval_spark.kernels.storage.files import open_file

# Encodings to try where a text is no UTF-8 and declares none; the first decodes nearly all bytes, so it comes last in
# doubt only where it says the same as the others.
GUESSED = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "koi8_r"),
    *("gb18030", "big5", "shift_jis", "euc_jp", "euc_kr"),
)
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_XML_DECLARATION = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._:-]+)["']""")
# Number of bytes that a guess looks at: more do not make it better.
GUESSED_BYTES = 64 * 2**10


def decode_text(data: bytes, *, declared: str | None = None) -> tuple[str, str | None]:
    """The text of a file, and the name of its encoding where that is neither UTF-8 nor given by a byte order mark.

    Parameters
    ----------
    data : bytes
        The file.
    declared : str, optional
        Encoding that the file, or its user, names. It comes before UTF-8: bytes of GBK may be valid UTF-8 too.

    Returns
    -------
    text : str
        The text without a byte order mark.
    encoding : str or None
        Encoding of the text, where somebody may want to know.

    Raises
    ------
    ValueError
        No encoding fits, or the declared one does not.

    Examples
    --------
    >>> decode_text("Orléans".encode("cp1252"))
    ('Orléans', 'cp1252')
    >>> decode_text("Orléans".encode())
    ('Orléans', None)
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _decoded(data, encoding), None
    if declared is not None and (name := _name(declared)) not in ("utf-8", "utf-8-sig", "ascii"):
        return _decoded(data, declared), name
    try:
        return data.decode("utf-8"), None
    except UnicodeDecodeError:
        encoding = _guessed(data)
    return _decoded(data, encoding), encoding


def open_text(uri: str, encoding: str | None) -> TextIO:
    """A text file or object opened for reading, without its byte order mark; bytes that do not fit become U+FFFD.

    Any line break is read as ``\\n``.

    Parameters
    ----------
    uri : str
        File or object.
    encoding : str or None
        Encoding of the text; None for UTF-8.

    Raises
    ------
    OSError
        The file cannot be opened.
    """
    return io.TextIOWrapper(open_file(uri), encoding=encoding or "utf-8-sig", errors="replace")


def declared_by_xml(data: bytes) -> str | None:
    """The encoding that an XML declaration names.

    Examples
    --------
    >>> declared_by_xml(b'<?xml version="1.0" encoding="GBK"?><annotation/>')
    'GBK'
    """
    declaration = _XML_DECLARATION.match(data[:1000])
    return declaration[1].decode() if declaration else None


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except LookupError:
        raise ValueError(f"the encoding {encoding!r} is not known") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"not text in {encoding}: {error}") from None


def _guessed(data: bytes) -> str:
    sample = data[:GUESSED_BYTES]
    matches = from_bytes(sample, cp_isolation=list(GUESSED))
    best = matches.best()
    if best is None:
        raise ValueError("neither UTF-8 nor text in another common encoding")
    # Encodings of one family often say the same of a short text; then the most common one is named.
    text = str(best)
    return next((name for name in GUESSED if sample.decode(name, errors="replace") == text), best.encoding)


def _name(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return encoding
