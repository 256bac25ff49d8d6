"""Secrets of model servers at rest."""

from typing import Any

import pytest

from apps.core.errors import AppError
from apps.core.sealing import seal, unseal


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
