"""The world of one proof: secrets in workspaces of their own, and people with and without rights.

It is hidden from everybody: its workspaces are marked, so that administrators do not list them; its
accounts have no password and are on no list. It is removed at the end, and before the next
proof whatever a crash has left of it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4, uuid5

from django.utils import timezone

from apps.accounts.models import CANARY_DOMAIN, ApiKey, User
from apps.accounts.services import digest
from apps.chat.models import Conversation
from apps.documents.models import Chunk, Document, DocumentVersion
from apps.engines import factory
from apps.events.models import Event
from apps.isolation.words import Secret, secrets
from apps.permissions.roles import KeyScope, Role
from apps.permissions.scope import system_scope
from apps.rag.ports import EmbeddedChunk, EmbeddedVersion
from apps.workspaces.models import Collection, CollectionGrant, Member, Workspace
from apps.workspaces.scopes import scope_of

# Who had a right that has ended, and still holds another.
STORED_FOR = "viewer of one collection"


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
        return {str(pk) for pk in (self.document_id, self.version_id, *self.chunk_ids)}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks. ``key`` is the plain API key they come with; without one they have a session.
    ``user`` is None for somebody who is not signed in."""

    name: str
    user: User | None
    key: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True)
class World:
    planted: tuple[Planted, ...]
    visitors: tuple[Visitor, ...]

    def hidden_from(self, visitor: Visitor) -> list[Planted]:
        """What this visitor has no right to, by the scope that their requests are given."""
        readable = scope_of(visitor.user).readable if visitor.user else frozenset()
        return [each for each in self.planted if each.collection.pk not in readable]

    def uses(self, visitor: Visitor, workspace_id: UUID) -> bool:
        return visitor.user is not None and workspace_id in scope_of(visitor.user).workspaces

    def knows_name(self, visitor: Visitor, planted: Planted) -> bool:
        """A member of a workspace is told the names of its listed collections."""
        if visitor.user is None or not planted.collection.is_listed:
            return False
        with system_scope("proof: who is a member of the planted workspaces"):
            members = Member.objects.filter(workspace=planted.workspace, user=visitor.user)
            return members.exists()


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
        planted = tuple(map(_plant, places, words))
        return World(planted, tuple(_visitors(mine, other, places)))


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


def _visitors(mine: Workspace, other: Workspace, places: Sequence[Collection]) -> list[Visitor]:
    viewer, member, manager, stranger = (
        _user(name) for name in ("viewer", "member", "manager", "stranger")
    )
    CollectionGrant.objects.create(
        collection=places[1], workspace=mine, user=viewer, role=Role.VIEWER
    )
    ended = timezone.now() - timedelta(days=1)
    CollectionGrant.objects.create(
        collection=places[2], workspace=mine, user=viewer, role=Role.CONTRIBUTOR, expires_at=ended
    )
    Member.objects.create(workspace=mine, user=member, role=Role.VIEWER)
    Member.objects.create(workspace=other, user=manager, role=Role.MANAGER)
    people = [
        Visitor(STORED_FOR, viewer),
        Visitor("member without a grant", member),
        Visitor("manager of another department", manager),
        Visitor("stranger", stranger),
        Visitor("not signed in", None),
    ]
    keys = [
        Visitor(f"key for {scope.value} of a viewer", viewer, _key(viewer, scope), scope.value)
        for scope in KeyScope
    ]
    return [*people, *keys]


def _user(name: str) -> User:
    return User.objects.plant(name=f"canary {name}")


def _key(owner: User, scope: KeyScope) -> str:
    plain = f"fn_{uuid4().hex}{uuid4().hex}"
    ApiKey.objects.create(
        owner=owner,
        name="canary",
        prefix=plain[:10],
        key_sha256=digest(plain),
        scope=scope,
        expires_at=timezone.now() + timedelta(hours=6),
    )
    return plain


def _plant(collection: Collection, secret: Secret) -> Planted:
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
    return Planted(secret, collection.workspace, collection, document.pk, version.pk, ids)


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
        users.delete()
    if ids:  # last: without their rows nobody is shown what the index still holds
        factory.index().drop(ids)
