"""Documents that are nearly the same are told; nothing is refused."""

from array import array
from collections.abc import Callable
from typing import Any

import pytest

from apps.accounts.models import User
from apps.documents import services
from apps.documents.life import sketch
from apps.documents.models import Document, SketchHash
from apps.rag.ports import Block, BlockKind
from apps.workspaces.models import Collection
from tests.apps.documents.conftest import As, add

CHINESE = "".join(f"第{n}条　本合同的第{n}项约定由双方在{n * 7}日内协商确定。" for n in range(60))
ENGLISH = " ".join(f"Clause {n} of this lease is agreed within {n * 7} days." for n in range(80))


def blocks(text: str) -> list[Block]:
    return [Block(BlockKind.TEXT, text)]


@pytest.mark.parametrize("text", [CHINESE, ENGLISH], ids=["zh", "en"])
def test_the_resemblance_is_that_of_the_texts(text: str) -> None:
    own = sketch.sketch_of(blocks(text))
    assert sketch.resemblance(own, own) == 1.0
    spaced = sketch.sketch_of(blocks(text.replace(" ", "\n ").upper()))
    assert sketch.resemblance(own, spaced) == 1.0
    almost = sketch.resemblance(own, sketch.sketch_of(blocks(text + "One more line was added.")))
    assert 0.9 < almost < 1.0
    half = sketch.resemblance(own, sketch.sketch_of(blocks(text[: len(text) // 2])))
    assert abs(half - 0.5) < 0.12


def test_other_texts_and_short_ones_do_not_resemble() -> None:
    one, other = (sketch.sketch_of(blocks(text)) for text in (CHINESE, ENGLISH))
    assert sketch.resemblance(one, other) == 0.0
    assert sketch.sketch_of(blocks("Yes.")) == array("Q")
    assert sketch.resemblance(array("Q"), array("Q")) == 0.0


@pytest.fixture
def near(
    inline_jobs: None, as_: As, alice: User, collection: Collection, other_collection: Collection
) -> tuple[Document, Document, Document]:
    """A document, nearly the same one beside it, and one in a collection of alice's alone."""
    with as_(alice):
        one = add(collection, CHINESE.encode(), "合同.txt").document
        two = add(collection, (CHINESE + "补充一句。").encode(), "合同（副本）.txt").document
        secret = add(other_collection, (CHINESE + "密。").encode(), "机密.txt").document
        add(collection, ENGLISH.encode(), "lease.txt")
        for document in (one, two, secret):
            document.refresh_from_db()
    return one, two, secret


def test_a_reader_is_told_of_those_that_they_may_read(
    as_: As, alice: User, bob: User, near: tuple[Document, ...]
) -> None:
    one, two, secret = near
    with as_(bob):
        assert [found.document for found in sketch.near(one)] == [two]
    with as_(alice):
        assert {found.document for found in sketch.near(one)} == {two, secret}


def test_page_and_api_tell_it(
    bob: User, near: tuple[Document, ...], client_of: Callable[[User], Any], api_of: Any
) -> None:
    one, two, _secret = near
    page = client_of(bob).get(f"/d/{one.pk}").content.decode()
    assert "Nearly the same" in page
    assert "合同（副本）.txt" in page
    assert "机密.txt" not in page
    told = api_of(bob).get(f"documents/{one.pk}").json()["nearly_same"]
    assert [(row["id"], row["resemblance"] > 0.9) for row in told] == [(str(two.pk), True)]


def test_what_is_deleted_leaves_no_hash(as_: As, alice: User, near: tuple[Document, ...]) -> None:
    one, two, _secret = near
    with as_(alice):
        services.delete_document(document=two)
        assert not SketchHash.objects.filter(document=two.pk).exists()
        assert two not in [found.document for found in sketch.near(one)]
