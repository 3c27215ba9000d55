"""Clients of S3 and of servers that speak its protocol, configured by the environment, one per process and bucket."""

from __future__ import annotations

import os
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

CONNECT_SECONDS = 10
REQUEST_SECONDS = 300
# Another configuration is another client.
SETTINGS = (
    *("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SKIP_SIGNATURE", "AWS_NO_SIGN_REQUEST"),
)


def file_system(bucket: str) -> Any:
    """pyarrow's file system for a bucket: lists, and reads an object with two requests (its size, then its bytes)."""
    return _file_system(bucket, _settings())


def has_one_request_client() -> bool:
    """Whether obstore is installed and finds the credentials: unlike pyarrow it reads no profiles."""
    has_key = os.environ.get("AWS_ACCESS_KEY_ID") or _is_anonymous()
    file = os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or os.path.expanduser("~/.aws/credentials")
    has_profile = os.environ.get("AWS_PROFILE") or os.path.exists(file)
    return _has_obstore() and bool(has_key or not has_profile)


def get_object(bucket: str, key: str) -> bytes:
    """The bytes of an object, with one request."""
    import obstore

    return obstore.get(_object_store(bucket, _settings()), key).bytes().to_bytes()


@lru_cache(maxsize=64)
def _file_system(bucket: str, settings: tuple[str | None, ...]) -> Any:
    from pyarrow import fs

    endpoint = _endpoint()
    scheme, _, host = (endpoint or "").rpartition("://")
    return fs.S3FileSystem(
        region=_region(bucket),
        anonymous=_is_anonymous(),
        connect_timeout=CONNECT_SECONDS,
        request_timeout=REQUEST_SECONDS,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=1),  # storage.py tries again
        **({"endpoint_override": host.rstrip("/"), "scheme": scheme or "https"} if endpoint else {}),
    )


@lru_cache(maxsize=64)
def _object_store(bucket: str, settings: tuple[str | None, ...]) -> Any:
    from obstore.store import S3Store

    endpoint = _endpoint()
    config: Any = {"region": _region(bucket), "skip_signature": _is_anonymous()}
    return S3Store(
        bucket,
        config=config | ({"endpoint": endpoint} if endpoint else {}),
        client_options={
            "allow_http": bool(endpoint and endpoint.startswith("http:")),
            "connect_timeout": f"{CONNECT_SECONDS}s",
            "timeout": f"{REQUEST_SECONDS}s",
        },
        retry_config={"max_retries": 0},
    )


def _settings() -> tuple[str | None, ...]:
    return tuple(os.environ.get(name) for name in SETTINGS)


def _region(bucket: str) -> str:
    from pyarrow import fs

    given = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    # Only Amazon's own buckets can be asked where they are.
    return given or ("us-east-1" if _endpoint() else fs.resolve_s3_region(bucket))


def _endpoint() -> str | None:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")


def _is_anonymous() -> bool:
    given = os.environ.get("AWS_SKIP_SIGNATURE") or os.environ.get("AWS_NO_SIGN_REQUEST") or ""
    return given.lower() in ("1", "true", "yes")


@lru_cache(maxsize=1)
def _has_obstore() -> bool:
    return find_spec("obstore") is not None
