"""The people of every test, and engines that are fakes.

alice manages a workspace; bob may read exactly one of its collections, by a grant; carol is a
stranger, at home in another workspace; admin runs the installation and has no role anywhere.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from contextvars import Context
from math import inf
from pathlib import Path
from typing import Any

# The environment is read when Django's settings load, so it is made first. Addresses of services
# are kept when they are given: `make test-services` runs this suite on PostgreSQL, Redis, RabbitMQ.
_KEPT = {"KB_DATABASE_URL", "KB_REDIS_URL", "KB_BROKER_URL"}
for _name in [name for name in os.environ if name.startswith("KB_") and name not in _KEPT]:
    del os.environ[_name]
# Each worker of pytest-xdist has a Redis database of its own, as it has in SQL.
if _number := os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw"):
    _server, _, _database = os.environ.get("KB_REDIS_URL", "").rpartition("/")
    if _database.isdecimal():
        os.environ["KB_REDIS_URL"] = f"{_server}/{int(_database) + int(_number)}"
_DATA = Path(tempfile.mkdtemp(prefix="footnote-test-"))
(_DATA / "static").mkdir()  # WhiteNoise warns of one that is not there
atexit.register(shutil.rmtree, _DATA, ignore_errors=True)
os.environ |= {
    "KB_ENGINES": "fake",
    "KB_DATA_DIR": str(_DATA),
    "KB_SECRET_KEY": "a-secret-key-of-tests-and-of-nothing-else-0123456789",
    "KB_LOG_LEVEL": "WARNING",
    "KB_LIMIT_ANONYMOUS": "",  # tests of limits set their own
    "KB_LIMIT_PERSON": "",
    "DJANGO_SETTINGS_MODULE": "kb_platform.settings",
}

import django  # noqa: E402

django.setup()

import pytest  # noqa: E402
from asgiref.sync import SyncToAsync  # noqa: E402
from celery import current_app  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.db import connection, connections  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import translation  # noqa: E402

from apps.accounts.models import User  # noqa: E402
from apps.core import jobs, limits  # noqa: E402
from apps.engines import factory  # noqa: E402
from apps.gateway import generator as gateway_generator  # noqa: E402
from apps.gateway import health as gateway_health  # noqa: E402
from apps.permissions.scope import Scope, entered  # noqa: E402
from apps.signon import middleware as sign_on  # noqa: E402
from apps.topics import deciding  # noqa: E402
from apps.workspaces.models import Collection, Workspace  # noqa: E402
from apps.workspaces.scopes import scope_of  # noqa: E402
from tests import emptying, factories  # noqa: E402

emptying.delete_instead_of_truncating()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Workers inherit the environment. With this name in it pytest-django would read the settings
    before they come here, and all workers would share one Redis database."""
    del os.environ["DJANGO_SETTINGS_MODULE"]


# Adapters and readers hold no database: with other services they would do the same once more.
_WITHOUT_SERVICES = ("tests/apps/engines/", "tests/contracts/")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`make test-services` leaves out what `make test` has asked already."""
    if "KB_DATABASE_URL" not in os.environ:
        return
    twice = [item for item in items if _is_asked_already(item)]
    config.hook.pytest_deselected(items=twice)
    items[:] = [item for item in items if not _is_asked_already(item)]


def _is_asked_already(item: pytest.Item) -> bool:
    needs = {"db", "transactional_db"} & set(getattr(item, "fixturenames", ()))
    marks = item.get_closest_marker("services") or item.get_closest_marker("django_db")
    return item.nodeid.startswith(_WITHOUT_SERVICES) and not needs and not marks


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """SQLite in a file: threads then share it as they do in an installation."""
    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(_DATA / "test.sqlite3")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Async tests use the database in a thread that outlives them: its connection is closed
    before PostgreSQL is asked to drop the database."""
    yield
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture(autouse=True)
def _clean(settings: Any, tmp_path: Path) -> Iterator[None]:
    """No test meets files, fakes, cached counts or a language that another one left."""
    settings.BLOB_DIR = tmp_path / "files"
    settings.PARSED_DIR = tmp_path / "parsed"
    settings.WHITENOISE_AUTOREFRESH = True  # or every test client reads the folder of static files
    factory.reset()
    gateway_health.reset()
    gateway_generator.reset()
    cache.clear()
    sign_on.forget(until=inf)  # or now and then a request would have one query more
    limits.reset()
    deciding.forget()
    with translation.override("en"):
        yield


@pytest.fixture
def sent_jobs() -> list[tuple[str, dict[str, Any]]]:
    """(name, arguments) of every job that was sent and not run."""
    return []


@pytest.fixture(autouse=True)
def _no_broker(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    sent_jobs: list[tuple[str, dict[str, Any]]],
) -> None:
    """Jobs are noted, not sent; a test marked ``services`` sends them."""
    if request.node.get_closest_marker("services"):
        return

    def note(job: jobs.Job, kwargs: Mapping[str, Any], *, countdown: float = 0) -> None:
        sent_jobs.append((job.name, dict(kwargs)))

    monkeypatch.setattr(jobs, "_send", note)


@pytest.fixture
def inline_jobs(transactional_db: None, _no_broker: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each job runs as soon as it is committed, as a worker would run it: without a scope.

    Needs real commits, so a test with it is flushed and not rolled back. What is sent to run
    later (a retry with a countdown) is not run.
    """
    current_app.loader.import_default_modules()

    def run(job: jobs.Job, kwargs: Mapping[str, Any], *, countdown: float = 0) -> None:
        if countdown == 0:
            task = current_app.tasks[job.name]
            # A context of its own: a worker knows nothing of the scope that sent the job.
            Context().run(task.apply, kwargs=dict(kwargs), throw=True)

    monkeypatch.setattr(jobs, "_send", run)


@pytest.fixture
def admin(db: None) -> User:
    """Runs the installation; holds no role in a workspace."""
    return factories.make_user("admin", is_administrator=True)


@pytest.fixture
def alice(db: None) -> User:
    """Manages ``workspace``."""
    return factories.make_user("alice")


@pytest.fixture
def bob(collection: Collection) -> User:
    """May read ``collection`` by a grant and nothing else."""
    user = factories.make_user("bob")
    factories.make_grant(collection, user)
    return user


@pytest.fixture
def carol(db: None) -> User:
    """A stranger: manages a workspace of her own."""
    user = factories.make_user("carol")
    factories.make_workspace("Elsewhere", manager=user)
    return user


@pytest.fixture
def workspace(alice: User) -> Workspace:
    """Alice's workspace. Its collections are fixtures of their own."""
    return factories.make_workspace("Procurement", manager=alice)


@pytest.fixture
def collection(workspace: Workspace) -> Collection:
    """A closed collection that bob may read."""
    return factories.make_collection(workspace, "Contracts", is_open=False)


@pytest.fixture
def other_collection(workspace: Workspace) -> Collection:
    """A closed, unlisted collection that only alice may read."""
    return factories.make_collection(workspace, "Board papers", is_open=False, is_listed=False)


@pytest.fixture
def client_of(db: None) -> Callable[[User], Client]:
    """``client_of(alice)``: a browser in which alice is signed in."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def as_(db: None) -> Callable[[User], AbstractContextManager[Scope]]:
    """``with as_(alice):`` runs a block in alice's scope, resolved now."""
    return lambda user: entered(scope_of(user))
