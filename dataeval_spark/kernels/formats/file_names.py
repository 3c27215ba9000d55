r"""Names that mean files although they differ from the file's path.

Annotation files are made on other machines: with ``\`` for ``/``, below another root, with escapes, in another
Unicode form, in other case. A name is brought to ever looser forms until files fit it.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

# From the strictest form to the loosest; each includes those before it.
FORMS = ("separators", "unicode", "percent", "case")
# Folders at the end of a path that are compared; of deeper paths the rest decides nothing.
MOST_PARTS = 8
_DRIVE = re.compile(r"^[A-Za-z]:(?=/|$)")


def plain_path(name: str) -> str:
    r"""A name with ``/`` between its parts, without ``./``, a drive letter, and white space around it.

    Examples
    --------
    >>> plain_path(".\\images\\a.png"), plain_path("D:\\data\\a.png"), plain_path("x/../a.png ")
    ('images/a.png', '/data/a.png', 'a.png')
    """
    text = _DRIVE.sub("", name.strip().replace("\\", "/"))
    path = posixpath.normpath(text) if text else ""
    return "/" + path.lstrip("/") if path.startswith("/") else path


def forms(name: str) -> tuple[str, ...]:
    """The forms of a name, one for each of `FORMS`.

    Examples
    --------
    >>> forms("my%20Cat.png")
    ('my%20Cat.png', 'my%20Cat.png', 'my Cat.png', 'my cat.png')
    """
    path = plain_path(name)
    composed = unicodedata.normalize("NFC", path)
    decoded = unicodedata.normalize("NFC", unquote(composed, errors="strict")) if "%" in composed else composed
    return path, composed, decoded, unicodedata.normalize("NFC", decoded.casefold())


def keys(name: str, *, is_path: bool) -> Iterator[tuple[int, int, bool, str]]:
    """Yield keys that a name and a path must share: form, number of parts at the end, whether these are all, and text.

    Parameters
    ----------
    name : str
        A name, or the path of a file below SOURCE.
    is_path : bool
        Whether it is a path: a path is known whole, while a name may begin above SOURCE.

    Examples
    --------
    >>> [key for key in keys("b/a.png", is_path=False) if key[0] == 0]
    [(0, 2, True, 'b/a.png'), (0, 1, False, 'a.png')]
    """
    past_keys: set[tuple[int, str]] = set()
    try:
        every = forms(name)
    except UnicodeDecodeError:  # escapes of bytes that are no UTF-8
        every = (plain_path(name),) * len(FORMS)
    for number, form in enumerate(every):
        parts = [part for part in form.split("/") if part not in ("", "..")]
        for count in range(min(len(parts), MOST_PARTS), 0, -1):
            text = "/".join(parts[-count:])
            if (number, text) not in past_keys:
                past_keys.add((number, text))
                is_whole = count == len(parts) and (is_path or not form.startswith(("/", "..")))
                yield number, count, is_whole, text


def differs_in(name: str, path: str) -> str:
    r"""Differences between a name and the path of the file that it means.

    Examples
    --------
    >>> differs_in("images\\a.png", "images/a.png"), differs_in("/old/images/A.png", "images/a.png")
    ('separators', 'folder, case')
    """
    try:
        every, path_forms = forms(name), forms(path)
    except UnicodeDecodeError:
        return "percent escapes"
    words = {"separators": "separators", "unicode": "Unicode form", "percent": "percent escapes", "case": "case"}
    for number, form in enumerate(every):
        if form == path_forms[number]:
            return words[FORMS[number]]
    for number, form in enumerate(every):
        if form.endswith("/" + path_forms[number]) or path_forms[number].endswith("/" + form.lstrip("/")):
            return "folder" if number == 0 else f"folder, {words[FORMS[number]]}"
    return "folder"
