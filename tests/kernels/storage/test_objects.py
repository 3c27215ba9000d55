"""Bytes from local files and from an S3-compatible server: what is there, what is not, what passes."""

from __future__ import annotations

import errno
import os
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from obstore.exceptions import GenericError, PermissionDeniedError, UnauthenticatedError
from obstore.store import MemoryStore

from dataeval_spark.kernels.storage import files, objects
from dataeval_spark.kernels.storage.files import open_file, read_file, top_folders, walk
from dataeval_spark.kernels.storage.objects import ObjectStorage, as_os_error, split, storage_of
from tests.kernels.s3_server import ENVIRONMENT, serve

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
ODD = "a b+c%20d#é,(1)=&?.png"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("server")
    objects = {
        "top.png": b"12",
        "a/one.JPG": b"1",
        "a/b/two": PNG,
        "a/b/three": b"text",
        "a/.hidden/x.png": b"",
        ".h.png": b"",
        "notes.txt": PNG,
        ODD: b"odd",
        "busy.png": b"at last",
        "forbidden.png": b"",
    }
    for key, data in objects.items():
        path = root / "box" / "set" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    with serve(root) as running:
        yield running


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setattr(objects, "FIRST_PAUSE", 0.001)
    objects._objects.cache_clear()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def box(server, monkeypatch):
    """``s3://box/set``."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    server.requests.clear()
    server.times.clear()
    return "s3://box/set"


@pytest.mark.parametrize("scheme", ["", "file:", "file://", "file://localhost"])
def test_a_file_is_read_by_path_or_file_uri(tmp_path, scheme):
    (tmp_path / "100% a.png").write_bytes(b"data")

    assert read_file(f"{scheme}{tmp_path}/100% a.png") == b"data"


def test_a_file_uri_may_have_escapes_as_spark_writes_them(tmp_path):
    (tmp_path / "a b.png").write_bytes(b"data")

    assert read_file(f"file:{tmp_path}/a%20b.png") == b"data"


def test_a_missing_file_and_a_folder_are_errors_of_their_own_kind(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such file or directory"):
        read_file(f"{tmp_path}/nothing")
    with pytest.raises(IsADirectoryError):
        read_file(str(tmp_path))


@pytest.mark.parametrize("scheme", ["s3", "s3a", "S3"])
def test_an_object_is_read_by_its_key(box, scheme):
    assert read_file(f"{scheme}://box/set/a/b/two") == PNG


def test_a_key_is_taken_as_it_is_written(box):
    assert read_file(f"{box}/{ODD}") == b"odd"


def test_a_missing_object_or_bucket_is_not_found_and_asked_for_once(box, server):
    for uri in (f"{box}/nothing.png", "s3://nowhere/a.png"):
        with pytest.raises(FileNotFoundError) as error:
            read_file(uri)
        assert (error.value.errno, error.value.filename) == (errno.ENOENT, uri)
    assert max(server.requests.values()) == 1


def test_a_forbidden_object_is_a_permission_error_and_asked_for_once(box, server):
    with pytest.raises(PermissionError, match="Permission denied"):
        read_file(f"{box}/forbidden.png")
    assert set(server.requests.values()) == {1}


def test_a_busy_server_is_asked_again_with_growing_random_pauses(box, server, monkeypatch):
    monkeypatch.setattr(objects, "FIRST_PAUSE", 0.02)

    assert read_file(f"{box}/busy.png") == b"at last"
    assert dict(server.requests) == {"GET /box/set/busy.png": 3}
    first, second, third = server.times
    # The first pause is the shortest; each after it is drawn between that and twice the one before.
    assert second - first >= 0.02
    assert third - second >= 0.02


def test_a_mounted_volume_is_asked_again_with_growing_random_pauses(monkeypatch):
    pauses = []
    monkeypatch.setattr(files.random, "uniform", lambda low, high: pauses.append((low, high)) or 0.0)
    answers = iter([OSError(errno.EIO, "no answer"), OSError(errno.ESTALE, "moved")])

    def read(path):
        for error in answers:
            raise error
        return b"at last"

    monkeypatch.setattr(files, "_read_local", read)

    assert read_file("/Volumes/box/a.png") == b"at last"
    assert pauses == [(0, 0.2), (0, 0.4)]


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [("http://127.0.0.1:9", r"cannot be reached \(connection refused\)"), (None, "after 4 retries.*503")],
)
def test_a_server_that_is_not_there_or_down_fails_after_the_last_attempt(server, monkeypatch, endpoint, words):
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint or server.endpoint)
    server.requests.clear()

    with pytest.raises(OSError, match=words) as error:
        read_file("s3://box/down.png")

    assert error.value.errno == errno.EIO
    assert dict(server.requests) == ({} if endpoint else {"GET /box/down.png": 5})


def test_an_object_is_asked_for_once(box, server):
    read_file("s3://box/set/top.png")

    assert dict(server.requests) == {"GET /box/set/top.png": 1}


def test_a_profile_is_read_by_boto3_and_its_absence_says_what_to_do(box, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setitem(sys.modules, "obstore.auth.boto3", None)

    with pytest.raises(OSError, match=r"opens s3: URIs; pip install boto3, .*AWS_ACCESS_KEY_ID") as error:
        read_file(f"{box}/top.png")
    assert error.value.errno == errno.EPROTONOSUPPORT

    key = {"access_key_id": "AKIA0987654321", "secret_access_key": "another-secret-key", "token": None}
    expires_at = datetime.now(UTC) + timedelta(hours=1)
    provider = SimpleNamespace(Boto3CredentialProvider=lambda: lambda: key | {"expires_at": expires_at})
    monkeypatch.setitem(sys.modules, "obstore.auth.boto3", provider)

    assert read_file(f"{box}/top.png") == b"12"


def test_public_buckets_are_read_without_a_signature(box, server, monkeypatch):
    for name in ENVIRONMENT:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_NO_SIGN_REQUEST", "yes")

    assert read_file(f"{box}/top.png") == b"12"


def test_clients_are_made_once_and_anew_for_another_configuration(box, monkeypatch):
    first, key = storage_of(f"{box}/a")

    assert key == "set/a"
    assert storage_of("s3a://box/b")[0] is first
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert storage_of(f"{box}/a")[0] is not first


def test_an_opened_object_is_read_in_parts(box):
    with open_file(f"{box}/a/b/two") as file:
        file.seek(1)
        assert file.read(3) == b"PNG"
        assert file.seek(-8, os.SEEK_END) == 8
        assert file.read() == bytes(8)
        assert file.read() == b""


def test_http_is_read_with_its_query_and_its_escapes(server):
    server.requests.clear()
    uri = f"{server.endpoint}/box/set/a%20b%2Bc%2520d%23%C3%A9%2C%281%29%3D%26%3F.png"

    assert read_file(uri) == b"odd"
    assert read_file(f"{server.endpoint}/box/set/top.png?sig=f00&size=1#part") == b"12"
    assert "GET /box/set/top.png?sig=f00&size=1" in server.requests
    with pytest.raises(FileNotFoundError):
        read_file(f"{server.endpoint}/box/set/nothing.png?sig=f00")


def test_objects_are_listed_like_files(box):
    found = {file.path: (file.size, file.is_image) for file in walk(box)}

    assert found == {
        "top.png": (2, True),
        "a/one.JPG": (1, True),
        "a/b/two": (16, True),  # looked into
        "a/b/three": (4, False),
        "a/.hidden/x.png": (0, False),
        ".h.png": (0, False),
        "notes.txt": (16, False),
        ODD: (3, True),
        "busy.png": (7, True),
        "forbidden.png": (0, True),
    }
    assert [file.path for file in walk(box, "a")] == ["a/.hidden/x.png", "a/b/three", "a/b/two", "a/one.JPG"]
    assert [file.path for file in walk(box, "a", recursive=False)] == ["a/one.JPG"]
    assert top_folders(box) == ["a"]


def test_an_object_has_the_time_of_its_last_change(box, server):
    (file,) = (file for file in walk(box) if file.path == "top.png")

    assert file.modified_us // 10**6 == int((server.root / "box/set/top.png").stat().st_mtime)


def test_a_prefix_that_is_not_there_cannot_be_listed(box):
    with pytest.raises(FileNotFoundError):
        top_folders(f"{box}/nothing")


def test_the_mark_of_a_folder_is_none_of_its_objects():
    store = MemoryStore()
    for key in ("set", "set/a.png", "set/b/c.png"):  # obstore shows the object "set/" without its slash
        store.put(key, b"1")
    listed = store.list_with_delimiter("set")
    listed["objects"] = [*listed["objects"], store.head("set")]
    storage = ObjectStorage(SimpleNamespace(list_with_delimiter=lambda key: listed))

    assert [(entry.name, entry.is_file) for entry in storage.entries("set/")] == [("b", False), ("a.png", True)]


def test_other_schemes_are_opened_by_fsspec():
    fsspec = pytest.importorskip("fsspec")
    fsspec.filesystem("memory").pipe("/set/a.png", b"remembered")

    assert read_file("memory://set/a.png") == b"remembered"
    assert [file.path for file in walk("memory://set")] == ["a.png"]
    with pytest.raises(FileNotFoundError):
        read_file("memory://set/b.png")


def test_a_scheme_that_nothing_opens_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.setitem(sys.modules, "obstore.store", None)

    with pytest.raises(OSError, match=r"opens memory: URIs; pip install 'dataeval_spark\[object-storage\]'"):
        read_file("memory://set/a.png")
    with pytest.raises(OSError, match=r"opens s3: URIs; pip install 'dataeval_spark\[object-storage\]'"):
        read_file("s3://set/a.png")


def test_a_uri_is_cut_into_scheme_authority_and_key():
    assert split("s3a://box/a/b.png") == ("s3a", "box", "a/b.png")
    assert split("abfss://box@account.dfs.core.windows.net/a") == ("abfss", "box@account.dfs.core.windows.net", "a")
    assert split("hdfs:///a/b") == ("hdfs", "", "a/b")


@pytest.mark.parametrize(
    ("error", "kind", "number"),
    [
        (GenericError("Error performing GET ...: HTTP error: error sending request"), OSError, errno.EIO),
        (GenericError("Server returned non-2xx status code: 429 Too Many Requests: Please reduce"), OSError, errno.EIO),
        (GenericError("Server returned non-2xx status code: 503 Service Unavailable"), OSError, errno.EIO),
        (GenericError("Server returned non-2xx status code: 400 Bad Request"), OSError, errno.EINVAL),
        (TimeoutError("no answer"), OSError, errno.EIO),
        (PermissionDeniedError("no"), PermissionError, errno.EACCES),
        (UnauthenticatedError("no"), PermissionError, errno.EACCES),
        (FileNotFoundError("Object at location 503.png not found"), FileNotFoundError, errno.ENOENT),
        (GenericError("list: Server returned non-2xx status code: 404 Not Found"), FileNotFoundError, errno.ENOENT),
        (GenericError("list: Server returned non-2xx status code: 403 Forbidden"), PermissionError, errno.EACCES),
        (OSError("When reading 503.png: the moon is full"), OSError, errno.EINVAL),
    ],
)
def test_errors_of_libraries_become_the_errors_they_mean(error, kind, number):
    found = as_os_error(error, "s3://box/503.png")

    assert (type(found), found.errno) == (kind, number)


@pytest.mark.parametrize(
    ("uri", "error", "words"),
    [
        (
            "s3://box/a.png",
            GenericError("GET http://127.0.0.1:9/box?list in 2s: tcp connect error: Connection refused (os error 111)"),
            "its storage http://127.0.0.1:9 cannot be reached (connection refused)",
        ),
        (
            "http://no.where/a.png",
            GenericError("GET http://no.where/a.png: error sending request: dns error: no such name"),
            "its storage http://no.where cannot be reached (there is no such host)",
        ),
        ("s3://box/a.png", TimeoutError("timed out"), "its storage cannot be reached (no answer in time)"),
        (
            "foo://box/a.png",
            ValueError("Protocol not known: foo"),
            "no library here opens foo: URIs; install what fsspec needs for this scheme",
        ),
        (
            "hdfs://box/a.png",
            OSError("Unable to load libjvm\ndlopen failed"),
            "no library here opens hdfs: URIs; install Hadoop's libhdfs and Java",
        ),
    ],
    ids=["port closed", "no host", "no answer", "no file system", "no Hadoop"],
)
def test_a_storage_that_cannot_be_reached_or_opened_has_words_of_its_own(uri, error, words):
    assert as_os_error(error, uri).strerror == words


def test_a_refused_request_is_made_once(box, server):
    with pytest.raises(OSError, match="400 Bad Request") as error:
        read_file(f"{box}/unasked.png")

    assert error.value.errno == errno.EINVAL
    assert set(server.requests.values()) == {1}


def test_errors_show_no_credentials():
    uri = "https://me:hunter22@host/a.png?X-Amz-Signature=f00ba4&size=1"
    cause = OSError(f"cannot open '{uri}' with key a-very-secret-key")

    shown = str(as_os_error(cause, uri))

    assert "https://host/a.png?X-Amz-Signature=***&size=1" in shown
    for secret in ("hunter22", "me:", "f00ba4", "a-very-secret-key"):
        assert secret not in shown
