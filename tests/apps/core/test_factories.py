"""The people and rows that every other test stands on."""

from apps.documents.models import Chunk, Document
from apps.engines import factory
from apps.workspaces.models import Collection
from tests import factories


def test_alice_reads_all_of_her_workspace_bob_one_collection_and_carol_nothing_of_it(
    alice, bob, carol, admin, collection, other_collection, as_
):
    seen = {}
    for user in (alice, bob, carol, admin):
        with as_(user):
            seen[user.name] = set(Collection.objects.values_list("name", flat=True))
    assert seen == {
        "alice": {"Contracts", "Board papers"},
        "bob": {"Contracts"},
        "carol": set(),
        "admin": set(),
    }


def test_a_made_document_is_searchable(alice, bob, collection, as_):
    document = factories.make_document(collection, "contract.txt")
    with as_(bob) as scope:
        reach = scope.reach()
        assert Document.objects.get().current == document.current
        chunks = set(Chunk.objects.values_list("pk", flat=True))
    vector = factory.embedder().embed_query(factories.TEXT[0])
    hits = factory.index().by_vector(vector, reach, limit=10)
    assert {hit.chunk_id for hit in hits} == {str(pk) for pk in chunks}
    assert len(chunks) == len(factories.TEXT)
