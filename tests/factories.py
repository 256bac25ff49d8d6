"""Rows for tests: plain functions with defaults. They write beyond scopes, as a set-up does."""

import hashlib
import json
import secrets
from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.test import Client
from django.utils import timezone

from apps.accounts.models import ApiKey, BrowserSession, Group, Nesting, Passkey, User
from apps.applications import services as applications
from apps.chat.models import Citation, Conversation, Turn, TurnCollection
from apps.core import blobs, sealing
from apps.directory.ldap.settings import PRESETS, Preset
from apps.directory.models import Directory, IdentitySource, MappingRule
from apps.documents.models import Chunk, Document, DocumentVersion, IngestRun
from apps.engines import factory
from apps.gateway.models import LanguageModel, ModelVersion, Quota
from apps.intake import services as intake
from apps.intake.models import Unpacking, Upload
from apps.permissions.roles import KeyScope, Permission, Role
from apps.permissions.scope import entered, system_scope
from apps.rag.ports import EmbeddedChunk, EmbeddedVersion
from apps.scim.models import Provisioning, ProvisioningToken
from apps.signon.models import SignOnProvider
from apps.sources.models import Source, SourceRun
from apps.topics import services as topics
from apps.topics.models import Topic, TopicRule
from apps.webhooks.kinds import KINDS
from apps.webhooks.models import Delivery, Webhook
from apps.workspaces.models import (
    AccessRequest,
    Collection,
    CollectionGrant,
    CustomRole,
    Member,
    Workspace,
)
from apps.workspaces.scopes import scope_of

PASSWORD = "correct horse battery"
TEXT = (
    "The notice period of this contract is ninety days.",
    "Cooling units are inspected twice a year.",
)
_numbers = count(1)

WEBHOOK_SECRET = "whsec_plJ3nmyCDGBKInavdOK15jsl"


def make_user(name: str = "", **fields: Any) -> User:
    """An active person with the password ``PASSWORD``."""
    name = name or f"person{next(_numbers)}"
    fields = {"email": f"{name}@example.com", "password": PASSWORD, **fields}
    return User.objects.create_user(name=name, **fields)


def make_group(name: str = "", *members: User) -> Group:
    group = Group.objects.create(name=name or f"group {next(_numbers)}")
    group.members.add(*members)
    return group


def make_language_model(name: str = "") -> ModelVersion:
    """A draft of a model of its own: nobody is answered by it."""
    name = name or f"model-{next(_numbers)}"
    model = LanguageModel.objects.create(name=name, title=name)
    return ModelVersion.objects.create(model=model, number=1)


def make_quota(**values: Any) -> Quota:
    """A budget of nobody's: it stops no question."""
    fields = {"of": Quota.Of.GROUP, "subject_id": uuid4(), "hard": 1, **values}
    return Quota.objects.create(**fields)


def make_role(
    name: str = "", permissions: Sequence[Permission] = (Permission.DOCUMENT_READ,)
) -> CustomRole:
    """One of the installation's own roles."""
    held = [permission.value for permission in permissions]
    return CustomRole.objects.create(name=name or f"role {next(_numbers)}", permissions=held)


def make_nesting(outer: Group, inner: Group) -> Nesting:
    """Whoever is in ``inner`` is in ``outer``."""
    return Nesting.objects.create(outer=outer, inner=inner)


def make_workspace(name: str = "", *, manager: User | None = None, **fields: Any) -> Workspace:
    """A workspace without collections; ``manager`` becomes its manager."""
    number = next(_numbers)
    fields = {"slug": f"workspace-{number}", "name": name or f"Workspace {number}", **fields}
    with system_scope("test: make_workspace"):
        workspace = Workspace.objects.create(**fields)
    if manager is not None:
        make_member(workspace, manager, role=Role.MANAGER)
    return workspace


def _holder(who: User | Group) -> dict[str, User | Group]:
    return {"user": who} if isinstance(who, User) else {"group": who}


def make_member(
    workspace: Workspace, who: User | Group, *, role: Role | CustomRole = Role.VIEWER
) -> Member:
    member = Member(workspace=workspace, **_holder(who))
    member.give(role)
    with system_scope("test: make_member"):
        member.save()
    return member


def make_collection(workspace: Workspace, name: str = "", **fields: Any) -> Collection:
    """An open, listed collection unless ``is_open``, ``is_listed`` say otherwise."""
    fields["name"] = name or f"Collection {next(_numbers)}"
    with system_scope("test: make_collection"):
        return Collection.objects.create(workspace=workspace, **fields)


def make_grant(
    collection: Collection, who: User | Group, *, role: Role = Role.VIEWER, **fields: Any
) -> CollectionGrant:
    with system_scope("test: make_grant"):
        return CollectionGrant.objects.create(
            collection=collection,
            workspace_id=collection.workspace_id,
            role=role,
            **_holder(who),
            **fields,
        )


def make_access_request(collection: Collection, asker: User, **fields: Any) -> AccessRequest:
    """Somebody waits to be let in."""
    where = {"workspace_id": collection.workspace_id, "collection_id": collection.pk}
    fields = {"reason": "for the audit", **where, **fields}
    return AccessRequest.objects.create(asker=asker, **fields)


def make_api_key(
    owner: User, *, scope: KeyScope = KeyScope.ALL, **fields: Any
) -> tuple[ApiKey, str]:
    """(row, plain key)."""
    plain = f"fn_{hashlib.sha256(str(next(_numbers)).encode()).hexdigest()}"
    fields = {
        "name": "test",
        "prefix": plain[:10],
        "key_sha256": hashlib.sha256(plain.encode()).hexdigest(),
        **fields,
    }
    with system_scope("test: make_api_key"):
        return ApiKey.objects.create(owner=owner, scope=scope, **fields), plain


def make_application_names() -> dict[str, UUID]:
    """An application with a key and a public key: what addresses name them by."""
    with system_scope("test: make_application_names"):
        application = applications.create_application(name=f"Application {next(_numbers)}")
        key, _plain = applications.create_key(application=application, name="test")
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
        (public,) = applications.add_public_keys(application=application, text=json.dumps(jwk))
    return {
        "application": application.pk,
        "application_key": key.pk,
        "public_key": public.pk,
    }


def make_webhook(owner: User, **fields: Any) -> Webhook:
    """A webhook with the secret ``SECRET``, told of everything that one can be told of."""
    values = {
        "name": f"webhook {next(_numbers)}",
        "url": "https://erp.example.com/footnote",
        "kinds": list(KINDS),
        "sealed_secret": sealing.seal(WEBHOOK_SECRET),
        **fields,
    }
    return Webhook.objects.create(owner=owner, **values)


def make_webhook_names(owner: User) -> dict[str, UUID]:
    """A webhook and one of its messages: what addresses name them by."""
    webhook = make_webhook(owner)
    delivery = Delivery.objects.create(
        webhook=webhook, event_id=uuid5(webhook.pk, "event"), kind="document.ready"
    )
    return {"webhook": webhook.pk, "delivery": delivery.pk}


def make_passkey(owner: User, name: str = "telephone") -> Passkey:
    """A passkey that no device has."""
    number = next(_numbers)
    with system_scope("test: make_passkey"):
        return Passkey.objects.create(owner=owner, name=name, credential_id=f"{number:08}")


def make_session(user: User) -> BrowserSession:
    """A browser in which somebody is signed in, elsewhere."""
    browser = Client()
    browser.force_login(user)
    return BrowserSession.objects.get(session_key=browser.session.session_key)


def make_document(
    collection: Collection,
    name: str = "",
    *,
    texts: Sequence[str] = TEXT,
    data: bytes | None = None,
    is_indexed: bool = True,
    **fields: Any,
) -> Document:
    """A searchable document: file, current version, finished run, chunks in SQL and in the index.
    One text is one chunk on a page of its own."""
    name = name or f"document {next(_numbers)}.txt"
    content = "\n\n".join(texts).encode() if data is None else data
    with system_scope("test: make_document"):
        document = Document.objects.create(collection=collection, name=name, **fields)
        version = make_version(document, texts=texts, data=content)
        document.current = version
        document.save()
    if is_indexed:
        _index(version, document, texts)
    return document


def make_version(
    document: Document, *, texts: Sequence[str] = TEXT, data: bytes = b"text", number: int = 1
) -> DocumentVersion:
    """A version with its file, chunks in SQL and a finished run; not current, not in the index."""
    blob = blobs.store([data], max_bytes=1 << 30)
    where: dict[str, Any] = {"collection_id": document.collection_id, "document": document}
    with system_scope("test: make_version"):
        version = DocumentVersion.objects.create(
            **where,
            number=number,
            filename=document.name,
            sha256=blob.sha256,
            size=blob.size,
            media_type="text/plain",
            pages=len(texts),
            chunk_count=len(texts),
            indexed_at=timezone.now(),
        )
        IngestRun.objects.create(
            **where, version=version, state=IngestRun.State.DONE, stage=IngestRun.Stage.PUBLISH
        )
        Chunk.objects.bulk_create(
            Chunk(**where, id=chunk_id, version=version, ordinal=n, page=n + 1, text=text)
            for n, (chunk_id, text) in enumerate(_chunk_ids(version, texts))
        )
    return version


def _chunk_ids(version: DocumentVersion, texts: Sequence[str]) -> list[tuple[UUID, str]]:
    return [(uuid5(version.pk, str(n)), text) for n, text in enumerate(texts)]


def _index(version: DocumentVersion, document: Document, texts: Sequence[str]) -> None:
    vectors = factory.embedder().embed_passages(list(texts))
    chunks = [
        EmbeddedChunk(str(chunk_id), str(document.pk), text, vector)
        for (chunk_id, text), vector in zip(_chunk_ids(version, texts), vectors, strict=True)
    ]
    factory.index().add(
        [EmbeddedVersion(str(version.pk), str(document.collection_id), chunks)],
    )


def make_upload(owner: User, collection: Collection, *, size: int = 5) -> Upload:
    """An upload in pieces of which nothing has come."""
    with entered(scope_of(owner)):
        return intake.begin(collection=collection, wanted=intake.Wanted("part.txt", size))


def make_source(collection: Collection, owner: User, **fields: Any) -> Source:
    """A followed folder that has not run."""
    fields = {"kind": "folder", "settings": {"path": "/srv/share"}, **fields}
    fields["name"] = fields.get("name") or f"Source {next(_numbers)}"
    with system_scope("test: make_source"):
        return Source.objects.create(collection=collection, owner=owner, **fields)


def make_source_run(source: Source, **fields: Any) -> SourceRun:
    """A run that came to its end, unless ``state`` says otherwise."""
    fields = {"state": SourceRun.State.DONE, "finished_at": timezone.now(), **fields}
    with system_scope("test: make_source_run"):
        return SourceRun.objects.create(source=source, collection_id=source.collection_id, **fields)


def make_provider(**fields: Any) -> SignOnProvider:
    """A provider of single sign-on that nobody answers for."""
    settings = {"issuer": "http://127.0.0.1:1", "client_id": "footnote"}
    values = {"kind": "oidc", "slug": "main", "name": "Acme", "is_on": True, **fields}
    return SignOnProvider.objects.create(settings=settings, **values)


def make_rule(**fields: Any) -> MappingRule:
    """What a group of a directory gives that is off and that nobody answers for."""
    source, _ = IdentitySource.objects.get_or_create(kind="ldap", name="main")
    values = {
        **PRESETS[Preset.LDAP],
        "addresses": "ldap://127.0.0.1:1",
        "user_bases": "dc=acme",
        "timeout_s": 1,
    }
    Directory.objects.get_or_create(source=source, defaults=values)
    values = {"outside": "*", "group": make_group(), **fields}
    return MappingRule.objects.create(source=source, **values)


def make_provisioning_names() -> dict[str, Any]:
    """A system that tells of people, and its token: argument of an address → id."""
    source, _ = IdentitySource.objects.get_or_create(kind="scim", name="entra")
    row, _is_new = Provisioning.objects.get_or_create(source=source)
    token = ProvisioningToken.objects.create(
        provisioning=row, prefix="fns_", token_sha256=secrets.token_hex(32)
    )
    return {"provisioning": row.pk, "scim_token": token.pk}


def make_unpacking(collection: Collection, **fields: Any) -> Unpacking:
    """What came of an archive."""
    values = {"name": "old.zip", "kind": "zip", "size": 9, "state": "done", **fields}
    with system_scope("test: make_unpacking"):
        return Unpacking.objects.create(collection=collection, sha256="0" * 64, **values)


def make_conversation(owner: User, **fields: Any) -> Conversation:
    with system_scope("test: make_conversation"):
        return Conversation.objects.create(owner=owner, **fields)


def make_turn(
    conversation: Conversation,
    question: str = "What is the notice period?",
    answer: str = "Ninety days [1].",
    *,
    sources: Sequence[Document] = (),
    **fields: Any,
) -> Turn:
    """A finished turn that drew from the first chunk of each of ``sources`` and cites it."""
    fields = {"state": Turn.State.COMPLETE, "question": question, "answer": answer, **fields}
    owner_id = conversation.owner_id
    with system_scope("test: make_turn"):
        turn = Turn.objects.create(owner_id=owner_id, conversation=conversation, **fields)
        for number, document in enumerate(sources, start=1):
            _cite(turn, number, document)
        for collection_id in {document.collection_id for document in sources}:
            TurnCollection.objects.create(owner_id=owner_id, turn=turn, collection_id=collection_id)
    return turn


def _cite(turn: Turn, number: int, document: Document) -> Citation:
    chunk = Chunk.objects.filter(version_id=document.current_id).order_by("ordinal")[0]
    return Citation.objects.create(
        owner_id=turn.owner_id,
        turn=turn,
        number=number,
        chunk_id=chunk.pk,
        version_id=chunk.version_id,
        document_id=document.pk,
        collection_id=document.collection_id,
        document_name=document.name,
        page=chunk.page,
        quote=chunk.text,
        is_cited=True,
    )


def yesterday() -> Any:
    return timezone.now() - timedelta(days=1)


def make_topic(name: str = "Pay", **fields: Any) -> Topic:
    """A kind of question; without more said, of those with a word for pay in them."""
    if not fields:
        fields = {"words": ["salar*", "工资"]}
    with system_scope("test: make_topic"):
        return topics.save_topic(name=name, **fields)


def make_topic_rule(*of: Topic, name: str = "", **fields: Any) -> TopicRule:
    """Keeps whoever it is told of away from the topics; ``effect="only"`` keeps them to these."""
    fields = {"effect": "away", **fields}
    with system_scope("test: make_topic_rule"):
        name = name or f"Rule {TopicRule.objects.count() + 1}"
        return topics.save_rule(name=name, topics=list(of), **fields)
