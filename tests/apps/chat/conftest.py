"""A generator that tests script, and no answer left running."""

from collections.abc import AsyncIterator

import pytest

from apps.chat import running
from apps.engines import factory
from apps.engines.adapters.fake import ScriptedGenerator
from tests.apps.chat.talk import LONG


@pytest.fixture
def model() -> ScriptedGenerator:
    """The language model of this test: says what is put into ``script``."""
    return factory.fakes().generator


@pytest.fixture
def slow(model: ScriptedGenerator) -> ScriptedGenerator:
    """Says LONG, a word each hundredth of a second."""
    model.delta_delay_s = 0.01
    model.script.append(LONG)
    return model


@pytest.fixture
def _quick_pulse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes look at each other fifty times a second."""
    monkeypatch.setattr(running, "PULSE_S", 0.02)
    monkeypatch.setattr(running, "POLL_S", 0.02)


@pytest.fixture(autouse=True)
async def _nothing_left_running() -> AsyncIterator[None]:
    yield
    await running.stop_all()
    running._running.clear()
