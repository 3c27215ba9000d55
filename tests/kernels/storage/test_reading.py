"""Bytes from local files and from an S3-compatible server: what is there, what is not, what passes."""

from __future__ import annotations

import errno

import pytest

from dataeval_spark.kernels.storage import reading, s3
from dataeval_spark.kernels.storage.object_listing import top_folders, walk_objects
from dataeval_spark.kernels.storage.reading import as_os_error, file_system, open_file, read_bytes, split
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
    monkeypatch.setattr(reading, "FIRST_PAUSE", 0.001)
    for name in s3.SETTINGS:
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["obstore", "pyarrow"])
def box(request, server, monkeypatch):
    """``s3://box/set``, read with each client."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    if request.param == "pyarrow":
        monkeypatch.setattr(s3, "_has_obstore", lambda: False)
    server.requests.clear()
    return "s3://box/set"


@pytest.mark.parametrize("scheme", ["", "file:", "file://", "file://localhost"])
def test_a_file_is_read_by_path_or_file_uri(tmp_path, scheme):
    (tmp_path / "100% a.png").write_bytes(b"data")

    assert read_bytes(f"{scheme}{tmp_path}/100% a.png") == b"data"


def test_a_file_uri_may_have_escapes_as_spark_writes_them(tmp_path):
    (tmp_path / "a b.png").write_bytes(b"data")

    assert read_bytes(f"file:{tmp_path}/a%20b.png") == b"data"


def test_a_missing_file_and_a_folder_are_errors_of_their_own_kind(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such file or directory"):
        read_bytes(f"{tmp_path}/nothing")
    with pytest.raises(IsADirectoryError):
        read_bytes(str(tmp_path))


@pytest.mark.parametrize("scheme", ["s3", "s3a", "S3"])
def test_an_object_is_read_by_its_key(box, scheme):
    assert read_bytes(f"{scheme}://box/set/a/b/two") == PNG


def test_a_key_is_taken_as_it_is_written(box):
    assert read_bytes(f"{box}/{ODD}") == b"odd"


def test_a_missing_object_or_bucket_is_not_found_and_asked_for_once(box, server):
    for uri in (f"{box}/nothing.png", "s3://nowhere/a.png"):
        with pytest.raises(FileNotFoundError) as error:
            read_bytes(uri)
        assert (error.value.errno, error.value.filename) == (errno.ENOENT, uri)
    assert max(server.requests.values()) == 1


def test_a_forbidden_object_is_a_permission_error_and_asked_for_once(box, server):
    with pytest.raises(PermissionError, match="Permission denied"):
        read_bytes(f"{box}/forbidden.png")
    assert set(server.requests.values()) == {1}


def test_a_busy_server_is_asked_again_with_growing_random_pauses(box, monkeypatch):
    pauses = []
    monkeypatch.setattr(reading.random, "uniform", lambda low, high: pauses.append((low, high)) or 0.0)
    monkeypatch.setattr(reading, "FIRST_PAUSE", 0.2)

    assert read_bytes(f"{box}/busy.png") == b"at last"
    # pyarrow asks twice, for the size and for the bytes; each of them is refused twice.
    assert pauses[:2] == [(0, 0.2), (0, 0.4)]


def test_a_server_that_is_not_there_fails_after_the_last_attempt(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    pauses = []
    monkeypatch.setattr(reading.time, "sleep", pauses.append)

    with pytest.raises(OSError, match=r"(?i)connect|sending request") as error:
        read_bytes("s3://box/a.png", attempts=3)

    assert error.value.errno == errno.EIO
    assert len(pauses) == 2


def test_obstore_asks_once_for_an_object(server, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    server.requests.clear()

    read_bytes("s3://box/set/top.png")

    assert dict(server.requests) == {"GET /box/set/top.png": 1}


def test_profiles_are_read_by_pyarrow_only(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    assert s3.has_one_request_client()

    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_PROFILE", "work")

    assert not s3.has_one_request_client()


def test_file_systems_are_made_once_and_anew_for_another_configuration(box, monkeypatch):
    first, path = file_system(f"{box}/a")

    assert path == "box/set/a"
    assert file_system("s3a://box/b")[0] is first
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert file_system(f"{box}/a")[0] is not first


def test_an_opened_object_is_read_in_parts(box):
    with open_file(f"{box}/a/b/two") as file:
        file.seek(1)
        assert file.read(3) == b"PNG"


def test_objects_are_listed_like_files(box):
    found = {file.path: (file.size, file.is_image) for file in walk_objects(box)}

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
    assert [file.path for file in walk_objects(box, "a")] == ["a/.hidden/x.png", "a/b/three", "a/b/two", "a/one.JPG"]
    assert [file.path for file in walk_objects(box, "a", recursive=False)] == ["a/one.JPG"]
    assert top_folders(box) == ["a"]


def test_an_object_has_the_time_of_its_last_change(box, server):
    (file,) = (file for file in walk_objects(box) if file.path == "top.png")

    assert file.modified_us // 10**6 == int((server.root / "box/set/top.png").stat().st_mtime)


def test_a_prefix_that_is_not_there_cannot_be_listed(box):
    with pytest.raises(FileNotFoundError):
        top_folders(f"{box}/nothing")


def test_other_schemes_are_opened_by_fsspec():
    fsspec = pytest.importorskip("fsspec")
    fsspec.filesystem("memory").pipe("/set/a.png", b"remembered")

    assert read_bytes("memory://set/a.png") == b"remembered"
    assert [file.path for file in walk_objects("memory://set")] == ["a.png"]
    with pytest.raises(FileNotFoundError):
        read_bytes("memory://set/b.png")


def test_a_scheme_that_nothing_opens_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)

    with pytest.raises(OSError, match=r"opens memory: URIs; pip install 'dataeval_spark\[object-storage\]'"):
        read_bytes("memory://set/a.png")


def test_a_uri_is_cut_into_scheme_authority_and_key():
    assert split("s3a://box/a/b.png") == ("s3a", "box", "a/b.png")
    assert split("abfss://box@account.dfs.core.windows.net/a") == ("abfss", "box@account.dfs.core.windows.net", "a")
    assert split("hdfs:///a/b") == ("hdfs", "", "a/b")


@pytest.mark.parametrize(
    ("text", "kind", "number"),
    [
        ("AWS Error NETWORK_CONNECTION during GetObject operation: curlCode: 7", OSError, errno.EIO),
        ("AWS Error SLOW_DOWN during GetObject operation: Please reduce", OSError, errno.EIO),
        ("HTTP status code: 503", OSError, errno.EIO),
        ("HTTP status code: 403", PermissionError, errno.EACCES),
        ("AWS Error NO_SUCH_KEY during GetObject operation", FileNotFoundError, errno.ENOENT),
        ("When reading 503.png: the moon is full", OSError, errno.EINVAL),
    ],
)
def test_errors_of_libraries_become_the_errors_they_mean(text, kind, number):
    error = as_os_error(OSError(text), "s3://box/503.png")

    assert (type(error), error.errno) == (kind, number)


def test_errors_show_no_credentials():
    uri = "https://me:hunter22@host/a.png?X-Amz-Signature=f00ba4&size=1"
    cause = OSError(f"cannot open '{uri}' with key a-very-secret-key")

    shown = str(as_os_error(cause, uri))

    assert "https://host/a.png?X-Amz-Signature=***&size=1" in shown
    for secret in ("hunter22", "me:", "f00ba4", "a-very-secret-key"):
        assert secret not in shown
