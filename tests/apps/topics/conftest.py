"""A rule that keeps whoever it is told of from questions about pay."""

from collections.abc import Callable

import pytest

from apps.engines import factory
from apps.engines.adapters.fake import ScriptedGenerator
from apps.topics.models import Topic, TopicRule
from tests import factories
from tests.apps.applications.conftest import erp, make_program
from tests.apps.chat.conftest import _nothing_left_running

__all__ = ["_nothing_left_running", "erp", "make_program"]

PAY = "What is the salary of the director?"
ELSE = "What is the notice period?"
SAYS = "Please ask the personnel department."
SAYS_ZH = "请咨询人事部门。"


@pytest.fixture
def pay(db: None) -> Topic:
    return factories.make_topic("Pay")


@pytest.fixture
def away(pay: Topic) -> Callable[..., TopicRule]:
    """``away(groups=[…])``: kept away from questions about pay."""

    def make(**holders: object) -> TopicRule:
        words = {"sentence_en": SAYS, "sentence_zh": SAYS_ZH}
        return factories.make_topic_rule(pay, name="No pay", **words, **holders)

    return make


@pytest.fixture
def model() -> ScriptedGenerator:
    """The language model of this test: ``opinions`` are what it holds of questions."""
    return factory.fakes().generator
