"""Secrets of model servers at rest."""

import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command

from apps.core import sealing
from apps.core.errors import AppError
from apps.core.sealing import is_present, seal, unseal
from apps.engines.models import Endpoint
from kb_platform.env import ROOT, Env
from kb_platform.secret import earlier_keys, secret_key


@pytest.mark.parametrize("text", ["sk-1234567890", "钥匙", "", "x" * 5000])
def test_what_was_sealed_is_unsealed(text: str) -> None:
    assert unseal(seal(text)) == text


def test_what_is_stored_shows_nothing_and_differs_each_time() -> None:
    first, second = seal("sk-1234567890"), seal("sk-1234567890")
    assert first != second
    assert "1234567890" not in first


def test_another_installation_cannot_read_it(settings: Any) -> None:
    sealed = seal("sk-1234567890")
    settings.SECRET_KEY = "another key"
    with pytest.raises(AppError) as refused:
        unseal(sealed)
    assert "sk-" not in str(refused.value.details)


@pytest.mark.parametrize("text", ["", "not sealed at all", "钥匙"])
def test_what_is_no_seal_is_refused(text: str) -> None:
    with pytest.raises(AppError):
        unseal(text)


def test_a_changed_seal_is_refused() -> None:
    sealed = seal("sk-1234567890")
    with pytest.raises(AppError):
        unseal(sealed[:-6] + "AAAAA=")


# --- another key ----------------------------------------------------------------------------------
def test_an_earlier_key_still_opens(settings: Any) -> None:
    sealed = seal("sk-1234567890")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key"
    assert unseal(sealed) == "sk-1234567890"
    assert not is_present(sealed)
    assert is_present(seal("sk-1234567890"))


def test_everything_is_sealed_anew_and_the_earlier_key_can_go(db: None, settings: Any) -> None:
    endpoint = Endpoint.objects.create(
        name="e", base_url="http://127.0.0.1:1", model="m", sealed_key=seal("sk-1234567890")
    )
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key"
    said = StringIO()
    call_command("rotate_secrets", stdout=said)
    assert "1 secrets were sealed" in said.getvalue()
    settings.SECRET_KEY_FALLBACKS = []
    endpoint.refresh_from_db()
    assert unseal(endpoint.sealed_key) == "sk-1234567890"
    call_command("rotate_secrets", stdout=said)  # twice does no harm


def test_what_no_key_opens_is_told(db: None, settings: Any) -> None:
    Endpoint.objects.create(name="e", base_url="http://h", model="m", sealed_key=seal("sk-1"))
    settings.SECRET_KEY = "another key"
    with pytest.raises(CommandError, match="1 secrets open with no known key"):
        call_command("rotate_secrets", stdout=StringIO())


def test_a_new_key_in_the_file_keeps_the_old_one_beside_it(
    db: None, settings: Any, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    old = settings.SECRET_KEY
    (tmp_path / "secret.key").write_text(old)
    call_command("rotate_secrets", "--new-key", stdout=StringIO())
    fresh = (tmp_path / "secret.key").read_text()
    assert fresh != old
    assert (tmp_path / "secret.key.before").read_text().split() == [old]
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
    values = Env(data_dir=tmp_path, secret_key=None)
    assert (secret_key(values), earlier_keys(values)) == (fresh, [old])


def test_every_sealed_column_is_on_the_list() -> None:
    """A new place that seals is added to sealing.COLUMNS, or its secrets are lost with a new key."""
    known = {
        "apps/accounts/second_factor/pages.py",  # in a session, for minutes
        "apps/accounts/second_factor/totp.py",
        "apps/documents/deletion/erase.py",  # another kind of seal
        "apps/directory/services.py",
        "apps/engines/services.py",
        "apps/signon/services.py",
        "apps/sources/services.py",
        "apps/webhooks/services.py",
    }
    call = re.compile(r"(?<![\w.])(?:sealing\.)?seal\(")
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "apps").rglob("*.py")
        if path.name != "sealing.py" and call.search(path.read_text())
    } - {"apps/accounts/management/commands/rotate_secrets.py"}
    assert found <= known, found - known
    for column in sealing.COLUMNS:
        label, _dot, field = column.rpartition(".")
        apps.get_model(label)._meta.get_field(field)
