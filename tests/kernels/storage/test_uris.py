"""What is secret in a URI, and where a local file is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataeval_spark.kernels.storage.uris import (
    has_credentials,
    is_remote,
    local_path,
    shown_uri,
    shown_value,
    texts_in,
    values_without_credentials,
    without_credentials,
)

# A secret is words that stand nowhere else, with anything between them; no word of it may be seen.
WORDS = st.lists(st.text("QXZJKVW", min_size=5, max_size=7), min_size=1, max_size=4)
PARAMETERS = (
    *("code", "key", "sig", "token", "Signature", "X-Amz-Signature", "X-Amz-Security-Token", "X-Amz-Credential"),
    *("AWSAccessKeyId", "GoogleAccessId", "X-Goog-Signature", "X-Goog-Credential", "OSSAccessKeyId", "access_token"),
    *("id_token", "refresh_token", "apikey", "api_key", "api-key", "API%5Fkey", "auth", "Authorization", "password"),
    *("passwd", "pwd", "pass", "passphrase", "secret", "client_secret", "private_token", "subscription-key", "jwt"),
    *("Ocp-Apim-Subscription-Key", "sas", "hmac", "otp", "session_id", "x-functions-key", "%73ig", "s%69%67nature"),
    *("accountKey", "SharedAccessKey", "x-oss-signature", "q-ak", "credentials", "bearer", "oauth_token", "to%6ben"),
)
HARMLESS = ("width", "Expires", "X-Amz-Date", "X-Amz-Expires", "sv", "se", "sp", "versionId", "design", "page", "v")


@st.composite
def secrets(draw, between):
    words = draw(WORDS)
    marks = draw(st.lists(st.sampled_from(between), min_size=len(words), max_size=len(words)))
    return words, "".join(word + mark for word, mark in zip(words, marks, strict=True))


@st.composite
def uris_with_secrets(draw, quotes=False):
    """Words that must not be seen, and a URI with them."""
    spaced = [" ", "'", '"', "\n", "<"] if quotes else []
    scheme = draw(
        st.sampled_from(["s3", "S3A", "gs", "abfss", "wasbs", "https", "http", "ftp", "hdfs", "oss", "memory"])
    )
    host = draw(st.sampled_from(["bucket", "host:9000", "storage.example.org"])) if scheme != "S3A" else "bucket"
    path = draw(st.sampled_from(["", "/", "/a.png", "/b/a@2x.png", "/b/%20a.png?width=2", "/x?se=2026#top"]))
    words, uri = [], f"{scheme}://"
    kind = draw(st.sampled_from(["user", "password", "parameter", "both"]))
    is_container = scheme in ("abfss", "wasbs")
    if is_container and kind == "user":
        kind = "password"
    if is_container and kind != "parameter":
        uri += "container"
    elif kind != "parameter":
        words, text = draw(secrets([":", "%", "%2F", "+", "=", ",", "[", "]", "!", "~", "é"]))
        uri += text
    if kind in ("password", "both"):
        more, text = draw(secrets(["/", "@", ":", "#", "?", "%", "%40", "&", "=", "+", ";", "[", "]", "\\", *spaced]))
        words, uri = words + more, f"{uri}:{text}"
    uri += "@" if kind != "parameter" else ""
    uri += host + path
    if kind in ("parameter", "both"):
        more, text = draw(secrets(["/", "@", ":", "#", "?", "%", "%2B", "+", "[", "]", "==", *spaced]))
        uri += f"{draw(st.sampled_from(['?', '?a=1&', '?b&']))}{draw(st.sampled_from(PARAMETERS))}={text}"
        words = words + more
    return words, uri


@given(uris_with_secrets(quotes=True))
def test_no_word_of_a_secret_is_shown_of_an_option(found):
    words, uri = found
    for text in (uri, f"--out={uri}", f"report.out={uri}", f'ingest.source="{uri}"'):
        shown = shown_value(text)

        assert has_credentials(text)
        assert not [word for word in words if word in shown]
        assert not has_credentials(shown)


@given(uris_with_secrets(quotes=True))
def test_options_are_written_down_without_secrets(found):
    words, uri = found
    given_options = {"ingest": {"source": uri, "glob": None, "limit": 3}, "steps": [uri, "outliers"], uri: True}

    shown = json.dumps(values_without_credentials(given_options))

    assert uri in set(texts_in(given_options))
    assert not [word for word in words if word in shown]


@given(
    uris_with_secrets(),
    st.sampled_from(["{}", "'{}' cannot be read", "error: {}: no such file", '{{"a": "{}"}}', "({})"]),
)
def test_no_word_of_a_secret_is_shown_of_a_message(found, message):
    words, uri = found
    text = message.format(uri)

    assert has_credentials(text)
    assert not [word for word in words if word in without_credentials(text)]


@given(uris_with_secrets(), uris_with_secrets())
def test_of_a_list_of_uris_none_shows_a_secret(first, second):
    text = f"{first[1]},{second[1]} and s3://box/a"

    shown = without_credentials(text)

    assert not [word for word in first[0] + second[0] if word in shown]


@given(uris_with_secrets())
def test_what_is_shown_once_is_shown_alike_again(found):
    shown = shown_uri(found[1])

    assert shown_uri(shown) == shown


@given(st.text())
def test_any_text_is_shown_without_an_error(text):
    for each in (text, f"s3://{text}", f"https://host/a?{text}", f"abfss://{text}"):
        shown = shown_uri(each)

        assert shown_uri(shown) == shown
        assert isinstance(shown_value(each), str)


@pytest.mark.parametrize("name", HARMLESS)
def test_a_parameter_that_is_no_secret_is_shown(name):
    assert shown_uri(f"https://host/a.png?{name}=value&x") == f"https://host/a.png?{name}=value&x"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("s3://key:secret@bucket/a/b.png", "s3://bucket/a/b.png"),
        ("s3://key:ab/cd@bucket/a", "s3://bucket/a"),
        ("s3://key:12/cd@bucket/a", "s3://bucket/a"),
        # Which @ ends the password cannot be told.
        ("s3://key:ab@cd/ef@bucket/a", "s3://***"),
        ("https://me:pw@host/a?sig=b@c", "https://***"),
        ("s3://key:ab", "s3://***"),
        ("https://token@host/a", "https://host/a"),
        ("https://me:pw@host:8080/a", "https://host:8080/a"),
        ("https://me:p[w@host/a", "https://host/a"),
        ("https://me:p?w@host/a", "https://***"),
        ("abfss://box:password@account.dfs.core.windows.net/a", "abfss://box@account.dfs.core.windows.net/a"),
        ("abfss://box:pass/word@account.dfs.core.windows.net/a", "abfss://box@account.dfs.core.windows.net/a"),
        ("https://host/a?sig=abc%2F&se=2026", "https://host/a?sig=***&se=2026"),
        (
            "https://host/a?AWSAccessKeyId=A&Expires=1&Signature=b",
            "https://host/a?AWSAccessKeyId=***&Expires=1&Signature=***",
        ),
        ("https://host/a?x-amz-security-token=t", "https://host/a?x-amz-security-token=***"),
        ("s3://bucket/?secret_key=s", "s3://bucket/?secret_key=***"),
        ("https://host/a#access_token=t", "https://host/a#***"),
        ("sc://host:15002/;token=abc;user_id=me", "sc://host:15002/;token=***;user_id=me"),
    ],
)
def test_credentials_are_found_and_not_shown(uri, shown):
    assert has_credentials(uri)
    assert shown_uri(uri) == shown
    assert without_credentials(uri) == shown
    assert without_credentials(f'"{uri}" is bad') == f'"{shown}" is bad'


@pytest.mark.parametrize(
    "uri",
    [
        "/data/me:you@home/a.png",
        "s3://bucket/a@b?design=1",
        "abfss://box@account.dfs.core.windows.net/a",
        "abfss://box@account.dfs.core.windows.net:443/a@b",
        "https://host/a?size=2#sig",
        "file:///a@b/c?key=1.png",
        "http://host:9000/a@2x.png",
        "http://[::1]:9000/a",
        "where uri LIKE 's3://%' and key = 'x'",
        "https://host/a?sig=***",
        "s3://***",
    ],
)
def test_what_is_no_secret_is_shown(uri):
    assert not has_credentials(uri)
    assert without_credentials(uri) == shown_uri(uri) == uri


@st.composite
def plain_uris(draw):
    scheme = draw(st.sampled_from(["s3", "ABFSS", "https", "wasb", "x-y.z", "memory"]))
    return f"{scheme}://" + draw(st.text("ab[]%19. é\n/=&", max_size=12))


@given(plain_uris())
def test_a_uri_without_marks_of_users_and_parameters_has_neither(uri):
    """Such a URI is not taken apart; where a parameter is added, it is."""
    assert shown_uri(uri) == uri
    assert shown_uri(f"{uri}?page") == f"{uri}?page"


def test_secret_values_of_the_environment_are_not_shown(monkeypatch):
    monkeypatch.setenv("MY_SECRET_KEY", "correct-horse")
    monkeypatch.setenv("MY_TOKEN_FILE", "/run/token-file")

    assert without_credentials("no correct-horse in /run/token-file") == "no *** in /run/token-file"


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/a/b", "/a/b"),
        ("file:/a/b", "/a/b"),
        ("file:///a/b", "/a/b"),
        ("FILE://localhost/a", "/a"),
        ("dbfs:/a/b", "/dbfs/a/b"),
        ("dbfs:/Volumes/c/s/v/b", "/Volumes/c/s/v/b"),
        ("s3://bucket/a", None),
    ],
)
def test_a_local_file_has_a_path(location, path):
    assert local_path(location) == path


def test_mounted_folders_are_remote():
    assert [is_remote(x) for x in ("/a", "file:/a", "/Volumes/c/s/v/a", "dbfs:/a", "gs://b/a")] == [
        False,
        False,
        True,
        True,
        True,
    ]
