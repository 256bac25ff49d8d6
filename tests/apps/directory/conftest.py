"""A real directory for each test that asks for one, and a configuration that names it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.core.sealing import seal
from apps.directory.ldap.settings import PRESETS, Preset
from apps.directory.mapping import source_of
from apps.directory.models import Directory
from tests import factories, slapd


@pytest.fixture(scope="session")
def slapd_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if slapd.SLAPD is None or slapd.SLAPADD is None or not slapd.SCHEMA.is_dir():
        pytest.skip("slapd is not installed: apt-get install slapd")
    folder = tmp_path_factory.mktemp("slapd") / "template"
    slapd.prepare(folder)
    return folder


@pytest.fixture
def server(slapd_template: Path, tmp_path: Path) -> Iterator[slapd.Slapd]:
    """A directory with 20 people and six nested groups."""
    with slapd.running(slapd_template, tmp_path / "slapd") as one:
        yield one


@pytest.fixture
def make_directory(db: None) -> Callable[..., Directory]:
    """``make_directory(server)``: people sign in with it. ``root`` can come in without."""

    def make(*servers: slapd.Slapd, **fields: Any) -> Directory:
        factories.make_user("root", is_administrator=True)
        values = {
            **PRESETS[Preset.LDAP],
            "addresses": "\n".join(one.tls_url for one in servers),
            "ca": servers[0].ca,
            "bind_dn": slapd.READER,
            "secret": seal(slapd.READER_PASSWORD),
            "user_bases": slapd.PEOPLE,
            "group_bases": slapd.GROUPS,
            "is_on": True,
            "timeout_s": 2,
            **fields,
        }
        return Directory.objects.create(source=source_of("ldap:main"), **values)

    return make


@pytest.fixture
def directory(server: slapd.Slapd, make_directory: Callable[..., Directory]) -> Directory:
    return make_directory(server)
