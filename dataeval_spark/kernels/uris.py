"""Where a file is, as its URI says it, and how a URI is shown: without the credentials that may be in it."""

from __future__ import annotations

import os
import re
from urllib.parse import unquote

# Folders under which object storage is mounted: files to open, but as slow as what is behind them.
MOUNTED = ("/Volumes/", "/dbfs/")

# A URI begins where no other character of a word does.
_START = r"(?i)(?<![^\s'\"(=])"
# Of abfss://CONTAINER@ACCOUNT the part before the @ is no secret; what may stand between them is.
USER_INFO = _START + r"((?!abfss?:|wasbs?:)[a-z][a-z0-9+.-]*://)[^/@\s]*@"
CONTAINER_PASSWORD = _START + r"((?:abfss?|wasbs?)://[^/:@\s]*):[^/@\s]*(?=@)"
SECRET_PARAMETER = (
    r"(?i)([?&](?:[^=&#\s]*(?:signature|secret|token|passw|credential|access_?key|api_?key|accessid)[^=&#\s]*|sig)=)"
    r"[^&#\s'\"]+"
)
# Of these patterns only the first group is to be kept; they mean the same in Java's regular expressions.
SECRETS = (USER_INFO, CONTAINER_PASSWORD, SECRET_PARAMETER)
_SECRET_VARIABLE = re.compile(r"(?:SECRET|TOKEN|PASSWORD|(?:ACCESS|ACCOUNT|STORAGE|API)_KEY)(?!.*(?:FILE|URI)$)")


def is_uri(location: str) -> bool:
    """Whether a location begins with a scheme, such as ``s3://`` or ``dbfs:/``."""
    return re.match(r"^[A-Za-z][A-Za-z0-9+.-]+:/", location) is not None


def local_path(location: str) -> str | None:
    """The path of a file that is opened as one: a path, a ``file:`` or ``dbfs:`` URI; else None.

    Examples
    --------
    >>> local_path("file:///data/a.png"), local_path("dbfs:/data/a.png"), local_path("s3://bucket/a.png")
    ('/data/a.png', '/dbfs/data/a.png', None)
    """
    if not is_uri(location):
        return location
    scheme, _, rest = location.partition(":")
    path = re.sub(r"^//(?=/)|^//localhost(?=/)", "", rest)
    if scheme.lower() == "file":
        # Spark writes the paths of files with escapes; other programs do not.
        return unquote(path) if "%" in path and not os.path.exists(path) else path
    if scheme.lower() == "dbfs":
        return path if path.startswith(MOUNTED) else f"/dbfs{path}"
    return None


def is_remote(location: str) -> bool:
    """Whether a read waits for a network: a URI of object storage, or a path where some is mounted."""
    path = local_path(location)
    return path is None or path.startswith(MOUNTED)


def has_credentials(uri: str) -> bool:
    """Whether a user, a password, a key or a signature is in a URI.

    Examples
    --------
    >>> has_credentials("s3://key:secret@bucket/a"), has_credentials("abfss://box@account.dfs.core.windows.net/a")
    (True, False)
    """
    return any(re.search(pattern, uri) for pattern in SECRETS)


def without_credentials(text: str) -> str:
    """A URI, or a message in which one may stand, without what is secret.

    Besides what the patterns of `SECRETS` find, the values of the environment's secret variables are left out.

    Examples
    --------
    >>> without_credentials("https://me:pw@host/a.png?size=2&sig=abc")
    'https://host/a.png?size=2&sig=***'
    """
    shown = text
    for pattern in (USER_INFO, CONTAINER_PASSWORD):
        shown = re.sub(pattern, r"\1", shown)
    shown = re.sub(SECRET_PARAMETER, r"\1***", shown)
    for name, value in os.environ.items():
        if len(value) >= 8 and _SECRET_VARIABLE.search(name):
            shown = shown.replace(value, "***")
    return shown
