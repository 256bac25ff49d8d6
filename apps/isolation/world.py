"""The world of one proof: secrets in workspaces of their own, and people with and without rights.

It is hidden from everybody: its workspaces are marked, so that administrators do not list them; its
accounts have no password and are on no list. It is removed at the end, and before the next
proof whatever a crash has left of it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID, uuid4, uuid5

from django.utils import timezone

from apps.accounts.models import CANARY_DOMAIN, User
from apps.chat.models import Conversation
from apps.documents.models import Chunk, Document, DocumentVersion
from apps.engines import factory
from apps.events.models import Event
from apps.isolation.visitors import Cast, Visitor, cast, remove_programs
from apps.isolation.words import Secret, secrets
from apps.permissions.scope import system_scope
from apps.rag.ports import EmbeddedChunk, EmbeddedVersion
from apps.workspaces.models import Collection, Workspace


class Target(NamedTuple):
    """Ids of one thing to ask for. What was planted has one; so has what never was."""

    collection: UUID
    document: UUID
    version: UUID
    chunk: UUID
    slug: str

    @property
    def spellings(self) -> tuple[str, ...]:
        """The ids as they are written somewhere: OpenAI's dialect leaves the hyphens out."""
        ids = self[:4]
        return (*map(str, ids), *(pk.hex for pk in ids), self.slug)


def nowhere() -> Target:
    """Ids of nothing."""
    return Target(uuid4(), uuid4(), uuid4(), uuid4(), f"canary-{uuid4().hex}")


@dataclass(frozen=True, slots=True)
class Planted:
    """A document with a secret and its neighbours in one collection."""

    secret: Secret
    workspace: Workspace
    collection: Collection
    document_id: UUID
    version_id: UUID
    chunk_ids: tuple[UUID, ...]

    @property
    def ids(self) -> set[str]:
        ids = (self.document_id, self.version_id, *self.chunk_ids)
        return {*map(str, ids), *(pk.hex for pk in ids)}

    @property
    def target(self) -> Target:
        return Target(
            self.collection.pk,
            self.document_id,
            self.version_id,
            self.chunk_ids[0],
            self.workspace.slug,
        )


@dataclass(frozen=True, slots=True)
class World:
    planted: tuple[Planted, ...]
    cast: Cast

    @property
    def visitors(self) -> tuple[Visitor, ...]:
        return self.cast.asking

    def hidden_from(self, visitor: Visitor) -> list[Planted]:
        """What this visitor was given no right to."""
        return [each for each in self.planted if each.collection.pk not in visitor.reads]

    def read_by(self, visitor: Visitor) -> Planted | None:
        """Something that they may read."""
        may = (each for each in self.planted if each.collection.pk in visitor.reads)
        return next(may, None)

    def known_to(self, visitor: Visitor) -> list[str]:
        """Names and ids that they have rightly: of workspaces they use, and of listed collections
        of those that they are a member of."""
        known = []
        for each in self.planted:
            room, place = each.workspace, each.collection
            if room.pk in visitor.uses:
                known += [room.slug, str(room.pk)]
            if room.pk in visitor.member_of and place.is_listed:
                known += [place.name, str(place.pk), place.pk.hex]
        return known


def build() -> World:
    """Plant everything. The rows are committed: requests of other threads have to see them."""
    with system_scope("proof: secrets are planted in workspaces of their own"):
        mine = _workspace("department")
        other = _workspace("elsewhere")
        places = [
            _collection(mine, is_open=True, is_listed=True),
            _collection(mine, is_open=False, is_listed=True),
            _collection(mine, is_open=False, is_listed=False),
            _collection(other, is_open=True, is_listed=True),
        ]
        words = secrets(len(places))
        planted = tuple(map(plant, places, words))
        return World(planted, cast(mine, other, places))


def _workspace(name: str) -> Workspace:
    label = f"canary-{name}-{uuid4().hex}"
    return Workspace.objects.create(name=label, slug=label[:60], is_canary=True)


def _collection(workspace: Workspace, *, is_open: bool, is_listed: bool) -> Collection:
    return Collection.objects.create(
        workspace=workspace,
        name=f"canary-{uuid4().hex}",
        is_open=is_open,
        is_listed=is_listed,
    )


def plant(collection: Collection, secret: Secret) -> Planted:
    """A document as it is after reading and indexing, without a file behind it."""
    texts = (secret.sentence, *secret.neighbours)
    document = Document.objects.create(collection=collection, name=secret.document_name)
    version = DocumentVersion.objects.create(
        collection=collection,
        document=document,
        number=1,
        filename=document.name,
        sha256=hashlib.sha256(secret.sentence.encode()).hexdigest(),
        size=len(secret.sentence),
        media_type="text/plain",
        pages=len(texts),
        chunk_count=len(texts),
        indexed_at=timezone.now(),
    )
    ids = tuple(uuid5(version.pk, str(number)) for number in range(len(texts)))
    Chunk.objects.bulk_create(
        Chunk(
            id=pk,
            collection=collection,
            document=document,
            version=version,
            ordinal=number,
            page=number + 1,
            text=text,
        )
        for number, (pk, text) in enumerate(zip(ids, texts, strict=True))
    )
    document.current = version
    document.save(update_fields=["current"])
    _index(version, document, ids, texts)
    _record(document)
    return Planted(secret, collection.workspace, collection, document.pk, version.pk, ids)


def plant_more(places: Sequence[Collection], words: Sequence[Secret]) -> list[Planted]:
    """One more document in each place."""
    with system_scope("proof: secrets are planted in workspaces of their own"):
        return list(map(plant, places, words))


def remove_more(planted: Sequence[Planted]) -> None:
    """Take such documents away again."""
    with system_scope("proof: what was planted is removed"):
        ids = [each.document_id for each in planted]
        Event.objects.filter(object_id__in=ids).delete()
        Document.objects.filter(pk__in=ids).delete()
    factory.index().drop([str(each.version_id) for each in planted])


def _record(document: Document) -> None:
    """That it was added, by an account of the proof: such events come into no chain."""
    Event.objects.create(
        kind="document.added",
        actor=User.objects.plant(name="canary author"),
        workspace_id=document.collection.workspace_id,
        collection_id=document.collection_id,
        object_type="document",
        object_id=document.pk,
        data={"name": document.name},
    )


def _index(
    version: DocumentVersion, document: Document, ids: Sequence[UUID], texts: Sequence[str]
) -> None:
    vectors = factory.embedder().embed_passages(list(texts))
    chunks = [
        EmbeddedChunk(str(pk), str(document.pk), text, vector)
        for pk, text, vector in zip(ids, texts, vectors, strict=True)
    ]
    factory.index().add([EmbeddedVersion(str(version.pk), str(document.collection_id), chunks)])


def remove() -> None:
    """Take away every planted thing, of this proof and of one that was cut off."""
    with system_scope("proof: what was planted is removed"):
        rooms = list(Workspace.objects.filter(is_canary=True).values_list("pk", flat=True))
        # Whoever came from outside is a person, whatever address was made for them.
        users = User.objects.filter(email__endswith=f"@{CANARY_DOMAIN}", identities=None)
        versions = DocumentVersion.objects.filter(collection__workspace_id__in=rooms)
        ids = [str(pk) for pk in versions.values_list("pk", flat=True)]
        people = list(users.values_list("pk", flat=True))
        Conversation.objects.filter(owner_id__in=people).delete()
        Event.objects.filter(workspace_id__in=rooms).delete()
        Event.objects.filter(actor_id__in=people).delete()
        Workspace.objects.filter(pk__in=rooms).delete()
        remove_programs()
        users.delete()
    if ids:  # last: without their rows nobody is shown what the index still holds
        factory.index().drop(ids)
