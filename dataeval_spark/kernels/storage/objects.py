"""Storage behind a URI: objects with obstore, HDFS with pyarrow, any other scheme with fsspec.

docs/reliability.md says which URIs there are and what configures them, docs/adr/0003 why.

Nothing secret belongs into a URI: URIs are kept in tables. A key is taken as it is written, without percent-decoding,
except in http: and https:.
"""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, BinaryIO, NamedTuple, TypeAlias, cast
from urllib.parse import unquote

from dataeval_spark.errors import first_line
from dataeval_spark.kernels.storage.uris import local_path, without_credentials

ATTEMPTS = 5
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
CONNECT_SECONDS = 10
REQUEST_SECONDS = 300

_S3 = ("s3", "s3a", "s3n")
_OBSTORE = {**dict.fromkeys(_S3, "s3"), "gs": "gs", "gcs": "gs"}
_OBSTORE |= {scheme: scheme for scheme in ("abfs", "abfss", "http", "https")}
_HDFS = ("hdfs", "viewfs")
# Another configuration is another client.
_SETTINGS = ("AWS_", "GOOGLE_", "AZURE_")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STATUS = re.compile(r"returned non-2xx status code: (\d{3})")
# What libraries say of a server that cannot be reached, and what it means; the first that is found counts.
_NO_ANSWER = {
    "connection refused": re.compile(r"[Cc]onnection refused"),
    "there is no such host": re.compile(r"dns error|[Nn]ame or service not known|name resolution|resolve host"),
    "no answer in time": re.compile(r"timed out|kind: Timeout"),
    "no connection": re.compile(r"error sending request|kind: Connect\b|unreachable"),
}
_INSTALL = "pip install 'dataeval_spark[object-storage]'"


class Entry(NamedTuple):
    """An entry of a folder: an object or a file, or a folder."""

    name: str
    size: int
    modified_us: int | None
    is_file: bool


class ObjectStorage:
    """A bucket, container or server, with obstore: one request for an object, tried again where that may help."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def read(self, key: str) -> bytes:
        return cast(bytes, self._store.get(key).bytes().to_bytes())

    def start(self, key: str, length: int) -> bytes:
        return cast(bytes, self._store.get_range(key, start=0, end=length).to_bytes())

    def open(self, key: str) -> BinaryIO:
        import obstore

        return io.BufferedReader(_Opened(obstore.open_reader(self._store, key)))

    def write(self, key: str, file: BinaryIO) -> None:
        self._store.put(key, file)

    def kind(self, key: str) -> str | None:
        key = key.rstrip("/")
        with suppress(FileNotFoundError):
            if key and self._store.head(key):
                return "file"
        return "folder" if not key or any(self._store.list(key, chunk_size=1)) else None

    def entries(self, key: str) -> list[Entry]:
        key = key.rstrip("/")
        listing = self._store.list_with_delimiter(key)
        if key and not listing["objects"] and not listing["common_prefixes"]:
            raise FileNotFoundError(key)
        folders = [Entry(path.rpartition("/")[2], 0, None, False) for path in listing["common_prefixes"]]
        return folders + [
            Entry(each["path"].rpartition("/")[2], each["size"], _microseconds(each["last_modified"]), True)
            for each in listing["objects"]
            if each["path"] != key  # the mark that some programs leave for a folder
        ]

    def files_below(self, key: str) -> Iterator[str]:
        key = key.rstrip("/")
        return (each["path"] for chunk in self._store.list(key) for each in chunk if each["path"] != key)

    def delete(self, paths: Iterable[str]) -> None:
        self._store.delete(list(paths))


class FileStorage:
    """A file system that pyarrow opens: HDFS, or one of fsspec. The base stands before each key in its paths."""

    def __init__(self, filesystem: Any, base: str) -> None:
        self._filesystem = filesystem
        self._base = base

    def read(self, key: str) -> bytes:
        with self.open(key) as file:
            return file.read()

    def start(self, key: str, length: int) -> bytes:
        with self.open(key) as file:
            return file.read(length)

    def open(self, key: str) -> BinaryIO:
        return cast(BinaryIO, self._filesystem.open_input_file(self._base + key))

    def write(self, key: str, file: BinaryIO) -> None:
        try:
            with self._filesystem.open_output_stream(self._base + key) as stream:
                shutil.copyfileobj(file, stream)
        except BaseException:
            with suppress(Exception):  # the first error is the one to show
                self._filesystem.delete_file(self._base + key)
            raise

    def kind(self, key: str) -> str | None:
        (info,) = self._filesystem.get_file_info([(self._base + key).rstrip("/")])
        return {"File": "file", "Directory": "folder"}.get(info.type.name)

    def entries(self, key: str) -> list[Entry]:
        return [
            Entry(each.base_name, each.size or 0, each.mtime_ns and each.mtime_ns // 1000, each.is_file)
            for each in self._below(key)
        ]

    def files_below(self, key: str) -> Iterator[str]:
        infos = self._below(key, allow_not_found=True, recursive=True)
        return (each.path.removeprefix(self._base) for each in infos if each.is_file)

    def delete(self, paths: Iterable[str]) -> None:
        for path in paths:
            self._filesystem.delete_file(self._base + path)

    def _below(self, key: str, **how: bool) -> Any:
        from pyarrow import fs

        return self._filesystem.get_file_info(fs.FileSelector((self._base + key).rstrip("/"), **how))


Storage: TypeAlias = ObjectStorage | FileStorage


class _Opened(io.RawIOBase):
    """A reader of obstore, which asks for 1 MB at a time, as a file of Python."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return int(self._reader.seek(offset, whence))

    def readinto(self, buffer: Any) -> int:
        data = self._reader.read(len(buffer))
        buffer[: len(data)] = memoryview(data)
        return len(data)

    def readall(self) -> bytes:
        return cast(bytes, self._reader.read().to_bytes())


def storage_of(uri: str) -> tuple[Storage, str]:
    """The storage of a URI, one per process and bucket, and the key in it.

    Raises
    ------
    OSError
        Nothing that is installed opens URIs of this scheme.
    """
    scheme, authority, key = split(uri)
    if scheme in _OBSTORE:
        address = f"{_OBSTORE[scheme]}://{authority}"
        if scheme in ("http", "https"):
            path, _, query = key.partition("#")[0].partition("?")
            address, key = f"{address}/?{query}" if query else address, unquote(path)
        return _objects(address, tuple(item for item in os.environ.items() if item[0].startswith(_SETTINGS))), key
    if scheme in _HDFS:
        return _hdfs(f"{scheme}://{authority}/"), key
    return _fsspec(scheme, uri)


@contextmanager
def storage_at(uri: str) -> Iterator[tuple[Storage, str]]:
    """The storage of a URI and the key in it; any error of the block becomes the OSError that it means."""
    try:
        yield storage_of(uri)
    except Exception as error:
        raise as_os_error(error, uri) from None


def split(uri: str) -> tuple[str, str, str]:
    """Scheme, authority and key of a URI; the key as it is written.

    Examples
    --------
    >>> split("S3://bucket/a/100%.png")
    ('s3', 'bucket', 'a/100%.png')
    """
    scheme, _, rest = uri.partition(":")
    authority, _, key = rest.removeprefix("//").partition("/")
    return scheme.lower(), authority, key


def as_os_error(error: BaseException, uri: str) -> OSError:
    """An error of any storage library as the OSError that it means, worded without credentials."""
    shown = without_credentials(uri)
    if isinstance(error, OSError) and error.errno and local_path(uri) is not None:
        return error
    name = type(error).__name__
    code = _STATUS.search(str(error))
    status = int(code[1]) if code else None
    if isinstance(error, FileNotFoundError) or status == 404:
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), shown)
    is_forbidden = status in (401, 403) or name in ("PermissionDeniedError", "UnauthenticatedError")
    if isinstance(error, PermissionError) or is_forbidden:
        return PermissionError(errno.EACCES, os.strerror(errno.EACCES), shown)
    message = without_credentials(_words_for(error, uri))[:500]
    is_refused = status is not None and 400 <= status < 500 and status != 429
    # obstore has tried again by then.
    if isinstance(error, TimeoutError | ConnectionError) or (name == "GenericError" and not is_refused):
        return OSError(errno.EIO, message, shown)
    number = error.errno if isinstance(error, OSError) else None
    return OSError(number or errno.EINVAL, message, shown)


def _words_for(error: BaseException, uri: str) -> str:
    """A storage that cannot be reached or opened, in words; else the first line of what its library says."""
    text, scheme = str(error), split(uri)[0]
    if re.search(r"Protocol not known|Unable to load lib(jvm|hdfs)|load libhdfs failed", text):
        needed = "Hadoop's libhdfs and Java" if scheme in _HDFS else "what fsspec needs for this scheme"
        return f"no library here opens {scheme}: URIs; install {needed}"
    why = next((words for words, said in _NO_ANSWER.items() if said.search(text)), None)
    if why is None or local_path(uri) is not None:
        return first_line(error)
    server = re.search(r"https?://[^/\s?,)\"]+", text)
    return f"its storage{f' {server[0]}' if server else ''} cannot be reached ({why})"


@lru_cache(maxsize=64)
def _objects(address: str, settings: tuple[tuple[str, str], ...]) -> ObjectStorage:
    try:
        from obstore.store import from_url
    except ImportError:
        raise _not_installed(address.partition(":")[0], _INSTALL) from None
    options: Any = _s3(address.removeprefix("s3://")) if address.startswith("s3:") else {}
    is_plain = any(each.startswith("http:") for each in (address, _endpoint()))
    options["client_options"] = {
        "allow_http": is_plain,
        "connect_timeout": f"{CONNECT_SECONDS}s",
        "timeout": f"{REQUEST_SECONDS}s",
    }
    first, longest = timedelta(seconds=FIRST_PAUSE), timedelta(seconds=LONGEST_PAUSE)
    pauses = {"init_backoff": first, "max_backoff": longest, "base": 2}
    options["retry_config"] = {"max_retries": ATTEMPTS - 1, "backoff": pauses}
    return ObjectStorage(from_url(address, **options))


def _s3(bucket: str) -> dict[str, Any]:
    """Options of a bucket that obstore does not take from the environment."""
    from pyarrow import fs

    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    # Only Amazon's own buckets can be asked where they are.
    region = region or ("us-east-1" if _endpoint() else fs.resolve_s3_region(bucket))
    flags = (os.environ.get(name, "").lower() for name in ("AWS_SKIP_SIGNATURE", "AWS_NO_SIGN_REQUEST"))
    is_anonymous = any(flag in ("1", "true", "yes") for flag in flags)
    # Not every server that speaks S3 knows the request that deletes many objects.
    config = {"region": region, "skip_signature": is_anonymous, "disable_bulk_delete": True}
    file = os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or os.path.expanduser("~/.aws/credentials")
    has_profile = os.environ.get("AWS_PROFILE") or os.path.exists(file)
    if is_anonymous or os.environ.get("AWS_ACCESS_KEY_ID") or not has_profile:
        return {"config": config}
    try:
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError:
        hint = "pip install boto3, which reads profiles, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        raise _not_installed("s3", hint) from None
    return {"config": config, "credential_provider": Boto3CredentialProvider()}


def _endpoint() -> str:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""


def _not_installed(scheme: str, hint: str) -> OSError:
    return OSError(errno.EPROTONOSUPPORT, f"no library here opens {scheme}: URIs; {hint}")


@lru_cache(maxsize=64)
def _hdfs(address: str) -> FileStorage:
    from pyarrow import fs

    filesystem, base = fs.FileSystem.from_uri(address)
    return FileStorage(filesystem, f"{base.rstrip('/')}/")


def _fsspec(scheme: str, uri: str) -> tuple[FileStorage, str]:
    from pyarrow import fs

    try:
        import fsspec
    except ImportError:
        raise _not_installed(scheme, f"{_INSTALL}, and what fsspec needs for this scheme") from None
    filesystem, path = fsspec.core.url_to_fs(uri)
    return FileStorage(fs.PyFileSystem(fs.FSSpecHandler(filesystem)), ""), path


def _microseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)
