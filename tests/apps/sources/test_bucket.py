"""A bucket, on a server that speaks S3, with signatures as the vendor's own library makes them."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import httpx
import pytest
import time_machine
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.server import ThreadedMotoServer

from apps.sources.connectors import bucket as buckets
from apps.sources.connectors.sigv4 import SigV4
from apps.sources.models import Source
from apps.workspaces.models import Collection
from tests.apps.sources.conftest import codes, differences, names, run
from tests.apps.sources.served import Served

pytestmark = pytest.mark.django_db
Follow = Callable[..., Source]
BUCKET = "company-files"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    # What moto sets for the process is taken back.
    before = dict(os.environ)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def store(endpoint: str, settings: Any) -> Iterator[Any]:
    settings.SOURCE_HOSTS = [endpoint.removeprefix("http://")]
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )
    client.create_bucket(Bucket=BUCKET)
    yield client
    for each in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=each["Key"])
    client.delete_bucket(Bucket=BUCKET)
    client.close()


def values(endpoint: str, **more: Any) -> dict[str, Any]:
    keys = {"access_key": "key", "secret_key": "secret"}
    return {"url": endpoint, "bucket": BUCKET, **keys, **more}


def put(store: Any, key: str, text: str) -> None:
    store.put_object(Bucket=BUCKET, Key=key, Body=text.encode())


def test_objects_come_change_and_go(
    store: Any, endpoint: str, follow: Follow, collection: Collection
) -> None:
    put(store, "HR/休假 2024 (1)+a&b=c.md", "Thirty days.")
    put(store, "HR/", "")
    for n in range(6):
        put(store, f"{n}.md", f"text {n}")
    source = follow("s3", values(endpoint))
    assert differences(run(source)) == (7, 0, 0)
    assert "HR/休假 2024 (1)+a&b=c.md" in names(collection)
    put(store, "1.md", "changed")
    store.delete_object(Bucket=BUCKET, Key="2.md")
    put(store, "new.exe", "MZ")
    done = run(source)
    assert (differences(done), codes(done)) == ((0, 1, 1), {"new.exe": "UNSUPPORTED"})
    assert run(source).bytes == 0


def test_a_long_list_is_read_to_its_end(
    store: Any, endpoint: str, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1,000 is what a store gives at most; here 3, to be quick."""
    encode = buckets.urlencode
    monkeypatch.setattr(
        buckets,
        "urlencode",
        lambda pairs, **how: encode([(k, "3" if k == "max-keys" else v) for k, v in pairs], **how),
    )
    for n in range(8):
        put(store, f"{n}.md", f"text {n}")
    assert run(follow("s3", values(endpoint))).added == 8


def test_only_what_lies_below_the_prefix_comes(
    store: Any, endpoint: str, follow: Follow, collection: Collection
) -> None:
    put(store, "contracts/2024/a.md", "a")
    put(store, "other/b.md", "b")
    run(follow("s3", values(endpoint, below="contracts/")))
    assert names(collection) == ["2024/a.md"]


def test_a_bucket_that_is_not_there_says_so_and_removes_nothing(
    store: Any, endpoint: str, follow: Follow, collection: Collection
) -> None:
    put(store, "a.md", "a")
    run(follow("s3", values(endpoint)))
    lost = follow("s3", values(endpoint, bucket="no-such-bucket"), name="Lost")
    done = run(lost)
    assert (done.state, done.error_code) == ("failed", "SOURCE_MISSING")
    assert names(collection) == ["a.md"]


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (403, "<Error><Code>AccessDenied</Code></Error>", "SOURCE_REFUSED"),
        (200, "<html>Welcome</html>", "SOURCE_ANSWER"),
        (200, "not xml", "SOURCE_ANSWER"),
        (
            200,
            "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
            "SOURCE_ANSWER",
        ),
        (301, "", "SOURCE_ANSWER"),
        (500, "", "SOURCE_UNREACHABLE"),
    ],
)
def test_odd_answers_are_told_apart(
    site: Served, follow: Follow, status: int, body: str, code: str
) -> None:
    site.answer = lambda _asked: (status, {}, body.encode())
    assert run(follow("s3", values(site.url("")))).error_code == code


def test_keys_are_not_sent_to_where_a_redirect_leads(site: Served, follow: Follow) -> None:
    site.answer = lambda _asked: (307, {"Location": "http://127.0.0.1:1/steal"}, b"")
    assert run(follow("s3", values(site.url("")))).error_code == "SOURCE_MISSING"


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.eu-central-1.amazonaws.com/b/?encoding-type=url&list-type=2&prefix=a%2Fb%20c",
        "http://minio.corp:9000/bucket/HR/%E4%BC%91%E5%81%87%20%281%29%2Ba%26b%3Dc.md",
        "https://minio.corp/bucket/~a-b_c.d/e",
    ],
)
def test_signatures_are_those_of_the_vendors_library(url: str) -> None:
    at = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    with time_machine.travel(at, tick=False):
        ours = httpx.Request("GET", url)
        next(SigV4("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", "eu-central-1").auth_flow(ours))
        theirs = AWSRequest(
            "GET", url, headers={"X-Amz-Content-SHA256": ours.headers["x-amz-content-sha256"]}
        )
        keys = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG")
        S3SigV4Auth(keys, "s3", "eu-central-1").add_auth(theirs)
    assert ours.headers["Authorization"] == theirs.headers["Authorization"]
