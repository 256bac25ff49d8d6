"""Every code has a sentence; every status that an API answers is one of the list."""

import re

from apps.core.drf import STATUS
from apps.core.errors import MESSAGES, ErrorCode, message_of
from tests.guards.code import ROOT


def test_every_code_has_a_sentence_that_a_person_can_act_on():
    assert set(MESSAGES) == set(ErrorCode)
    assert all(str(sentence).endswith(".") for sentence in MESSAGES.values())


def test_every_code_is_its_own_name():
    assert all(code.name == code.value for code in ErrorCode)


def test_statuses_are_given_to_codes_that_exist():
    assert set(STATUS) <= set(ErrorCode)


def test_the_guide_of_the_api_has_every_code_with_its_sentence():
    guide = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `([A-Z_]+)` \| (.*) \|$", guide, re.MULTILINE))
    wanted = {(str(code), message_of(code)) for code in ErrorCode}
    assert rows == wanted, "run: make api-docs"
