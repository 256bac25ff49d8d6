"""Requests made up from the schema get no 500, and no answer that the schema does not know.

A bounded part, the same each time; ``make fuzz`` is the long one, as every caller.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.installation import Installation
from tests.fuzz.__main__ import UNLIMITED, asked, seeded

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
# One tag of each kind: lists with filters, writes with bodies, a stream, what administrators do.
PART = ("documents", "passages", "groups", "people")


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Installation, Any]]:
    with Installation(tmp_path_factory.mktemp("fuzz"), **UNLIMITED) as site:
        yield site, seeded(site)


@pytest.mark.parametrize("caller", ["administrator", "member"])
def test_every_answer_to_a_made_up_request_is_as_the_schema_says(
    there: tuple[Installation, Any], caller: str
) -> None:
    site, things = there
    tags = [word for tag in PART for word in ("--include-tag", tag)]
    assert asked(site, things, caller, examples=1, more=tags) == 0, "see the output above"
