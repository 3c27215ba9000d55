"""Where a file is, as its URI says it, and how a URI is shown: without the credentials that may be in it.

URIs are taken apart by the standard library (`urllib.parse`), as RFC 3986 defines them. Two things of practice are
added. Keys that are put into a URI are rarely escaped, so one may hold a slash: where a host and its port should be
and something else is, all up to the @ is taken for credentials, and where that can be read in several ways, nothing is
shown. And some storage has buckets where the RFC has hosts: a bucket has no port, and of ``abfss://CONTAINER@ACCOUNT``
the part before the @ is no user. What may as well be a port and a path (``https://user:80/rest@host``) is read as the
RFC reads it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from dataeval_spark.errors import OptionError

# Folders under which object storage is mounted: files to open, but as slow as the storage behind them.
MOUNTED = ("/Volumes/", "/dbfs/")

CONTAINERS = ("abfs", "abfss", "wasb", "wasbs")
BUCKETS = ("s3", "s3a", "s3n", "gs", "gcs", "oss", "cosn", "obs")
# Their paths have no parameters: a question mark is part of a name.
LOCAL = ("file", "dbfs")
# A member of a shard, ``tar://MEMBER::SHARD``: its name is no address.
MEMBER = "tar://"
# Authorities without credentials, by the kind of their scheme.
CONTAINER_AUTHORITY = "[^:@]*(?:@[^:@]*(?::[0-9]*)?)?"
BUCKET_AUTHORITY = "[^:@]*"
USER_CUT_OFF = "[^@?;#]*@[^@]+"
HOST_AUTHORITY = r"(?:\[[^\]@]*\]|[^:@]*)(?::[0-9]*)?"

# Names of parameters whose values are secret, in small letters and digits alone: these, and those that hold one of
# the parts. Expires, X-Amz-Date, or the sv, se and sp of Azure are not: they say how long and what for.
SECRET_NAMES = (
    *("sig", "sign", "hmac", "key", "code", "auth", "pass", "pwd", "psw", "pw", "otp", "sas", "ak", "sk", "qak"),
    *("jwt", "bearer", "cookie", "session", "ticket"),
)
SECRET_PARTS = (
    *("signature", "secret", "token", "passw", "passphrase", "passcode", "credential", "authoriz", "accesskey"),
    *("accessid", "apikey", "appkey", "accountkey", "sharedkey", "privatekey", "subscriptionkey", "securitykey"),
    *("functionskey", "authkey", "authcode", "sessionid", "sharedaccess", "keysecret", "clientkey"),
)
HIDDEN = "***"
# A parameter with a value; an equals sign alone pads base 64.
NAMED = "=[^A-Za-z0-9*]*[A-Za-z0-9*]"
# Without one of these after the scheme there is no user, no port, no parameter.
_MAY_HIDE = re.compile("://.*[@:?;#]", re.DOTALL)
_TO_HIDE = re.compile(r"[^\x21-\x7e]|[\[\]]")
_SEPARATED = re.compile("[^&;#]+")
_CANDIDATE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>`]*")
# Text that may stand before the URI in the value of an option: ``--out=``, ``report.out = "``.
_OPTION = re.compile(r"(?:[\w.-]+\s*=\s*)?[\"']?")
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


def shown_uri(uri: str) -> str:
    """A URI without its user part, and with ``***`` for secret values of its parameters.

    Anything that has no ``://`` after a scheme is a path, and stays as it is.

    Parameters
    ----------
    uri : str
        All of it is one URI, whatever characters are in it.

    Examples
    --------
    >>> shown_uri("s3://key:ab/cd@bucket/a.png"), shown_uri("abfss://box@account.dfs.core.windows.net/a")
    ('s3://bucket/a.png', 'abfss://box@account.dfs.core.windows.net/a')
    >>> shown_uri("https://host/a.png?width=20&X-Amz-Signature=f00")
    'https://host/a.png?width=20&X-Amz-Signature=***'
    >>> shown_uri("tar://0.png::s3://key:secret@bucket/a.tar")
    'tar://0.png::s3://bucket/a.tar'
    """
    if not _MAY_HIDE.search(uri):
        return uri
    if uri[: len(MEMBER)].lower() == MEMBER and "::" in uri:
        member, _, shard = uri.rpartition("::")
        return f"{member}::{shown_uri(shard)}"
    parts = _scheme_and_authority(uri)
    if parts is None:
        return uri
    scheme, authority = parts
    start = len(scheme) + 3
    rest = uri[start:]
    if _has_user(scheme, authority):
        container = re.split("[:@]", authority, maxsplit=1)[0] + "@" if scheme.lower() in CONTAINERS else ""
        shown = uri[:start] + container + rest.rpartition("@")[2]
        parts = _scheme_and_authority(shown)
        if not re.fullmatch(USER_CUT_OFF, rest) or parts is None or _has_user(*parts):
            return uri[:start] + HIDDEN
        uri = shown
    if scheme.lower() in LOCAL:
        return uri
    path = re.match("[^?;#]*", uri)
    end = path.end() if path else len(uri)
    return uri[:end] + _without_secret_values(uri[end:])


def _scheme_and_authority(uri: str) -> tuple[str, str] | None:
    # Characters that the parser would remove, or refuse in a host, are replaced one for one.
    parts = urlsplit(_TO_HIDE.sub("_", uri))
    start = len(parts.scheme) + 3
    if not parts.scheme or uri[start - 3 : start] != "://":
        return None
    return uri[: start - 3], uri[start : start + len(parts.netloc)]


def _has_user(scheme: str, authority: str) -> bool:
    kind = scheme.lower()
    allowed = CONTAINER_AUTHORITY if kind in CONTAINERS else BUCKET_AUTHORITY if kind in BUCKETS else HOST_AUTHORITY
    return re.fullmatch(allowed, authority) is None


def _without_secret_values(parameters: str) -> str:
    """Parameters with their separators; where one is secret, a fragment or a part without a name may be its end."""
    shown = _SEPARATED.sub(lambda part: _without_values(part[0]), parameters)
    if shown == parameters:
        return parameters
    query, sharp, fragment = shown.partition("#")
    query = _SEPARATED.sub(lambda part: part[0] if re.search(NAMED, part[0]) else _without_unnamed(part[0]), query)
    return query + sharp + (HIDDEN if fragment else "")


def _without_unnamed(part: str) -> str:
    return "?".join(HIDDEN if each else "" for each in part.split("?"))


def _without_values(part: str) -> str:
    """A part between separators. A second question mark belongs to a value, and begins parameters in practice too."""
    shown = "?".join(_without_value(each) for each in part.split("?"))
    return part if shown == part else shown[: shown.index(HIDDEN) + len(HIDDEN)]


def _without_value(parameter: str) -> str:
    name, equals, value = parameter.partition("=")
    if not equals or not value or value == HIDDEN:
        return parameter
    ((read, _),) = parse_qsl(f"{name}=", keep_blank_values=True) or [(name, "")]
    plain = re.sub("[^a-z0-9]", "", read.lower())
    is_secret = plain in SECRET_NAMES or any(part in plain for part in SECRET_PARTS)
    return f"{name}={HIDDEN}" if is_secret else parameter


def has_credentials(text: str) -> bool:
    """Whether a user, a password, a key or a signature is in a URI, or in one that stands in a text.

    Examples
    --------
    >>> has_credentials("s3://key:secret@bucket/a"), has_credentials("abfss://box@account.dfs.core.windows.net/a")
    (True, False)
    """
    return _with_shown_uris(_with_shown_value(text)) != text


def without_credentials(text: str) -> str:
    """A message in which URIs may stand, without their secrets.

    A URI ends at white space or a quote. The values of the environment's secret variables are left out too.

    Examples
    --------
    >>> without_credentials("'https://me:pw@host/a.png?size=2&sig=abc' cannot be read")
    "'https://host/a.png?size=2&sig=***' cannot be read"
    """
    shown = _with_shown_uris(text)
    for name, value in os.environ.items():
        if len(value) >= 8 and _SECRET_VARIABLE.search(name):
            shown = shown.replace(value, HIDDEN)
    return shown


def shown_value(text: str) -> str:
    """The value of an option without secrets: where it begins with a URI, all of it is that URI.

    Of another text with a secret in it, only the part before the first URI is shown.

    Examples
    --------
    >>> shown_value("--out=s3://key:a b@bucket/report.html")
    '--out=s3://bucket/report.html'
    """
    shown = _with_shown_value(text)
    first = _CANDIDATE.search(shown)
    if first is not None and _with_shown_uris(shown) != shown:
        shown = f"{shown[: first.start()]}{first[0].partition('://')[0]}://{HIDDEN}"
    return without_credentials(shown)


def _with_shown_value(text: str) -> str:
    before = _OPTION.match(text)
    start = before.end() if before else 0
    return text[:start] + shown_uri(text[start:])


def values_without_credentials(value: Any) -> Any:
    """Options, nested as in JSON, each text in them as `shown_value` shows it.

    Examples
    --------
    >>> values_without_credentials({"source": "s3://key:secret@bucket", "limit": 3})
    {'source': 's3://bucket', 'limit': 3}
    """
    if isinstance(value, str):
        return shown_value(value)
    if isinstance(value, Mapping):
        return {values_without_credentials(name): values_without_credentials(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [values_without_credentials(each) for each in value]
    return value


def texts_in(value: Any) -> Iterable[str]:
    """All texts in options that are nested as in JSON, names too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from texts_in(name)
            yield from texts_in(each)
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from texts_in(each)


def refuse_credentials(*options: Any) -> None:
    """Raise OptionError for a URI with credentials in options, nested as in JSON: options are stored."""
    for text in texts_in(options):
        if has_credentials(text):
            raise OptionError(
                f"{shown_value(text)} was given with credentials in it, which tables would keep.\n"
                "Hint: leave them out, and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what the storage takes."
            )


def _with_shown_uris(text: str) -> str:
    parts: list[str] = []
    place = 0
    while (candidate := _CANDIDATE.search(text, place)) is not None:
        parts.append(text[place : candidate.start()])
        place = candidate.end()
        uri = candidate[0]
        whole = _scheme_and_authority(uri)
        if whole is not None and _has_user(*whole):
            # A quote or a space may stand in a password: then its end is at the next @.
            more = re.match(r"\S*@" if "@" in uri else ".*?@", text[place:])
            if more is not None:
                uri, place = uri + more[0], place + more.end()
                rest = re.match(r"[^\s'\"<>`]*", text[place:])
                if rest is not None:
                    uri, place = uri + rest[0], place + rest.end()
            parts.append(shown_uri(uri))
            continue
        shown = shown_uri(uri)
        inner = _CANDIDATE.search(uri, len(uri.partition("://")[0]) + 3)
        if inner is None:
            parts.append(shown)
        elif shown != uri:  # where its secret ends cannot be told
            parts.append(shown[: shown.index(HIDDEN) + len(HIDDEN)])
        else:  # one URI in another, or a list of them
            parts.append(uri[: inner.start()])
            place = candidate.start() + inner.start()
    return "".join([*parts, text[place:]])
