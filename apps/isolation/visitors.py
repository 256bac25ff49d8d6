"""Who asks in a proof: people, their keys, and programs on behalf of people.

What each may read is written here where it is granted, and not asked of the rules that are proven: a
rule that gives too much would else hide its own mistake.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.utils import timezone
from joserfc import jwk, jwt

from apps.accounts.models import CANARY_DOMAIN, ApiKey, User
from apps.accounts.services import digest
from apps.applications import assertions
from apps.applications.keys import PREFIX
from apps.applications.models import Acts, Application, ApplicationKey, PublicKey, Reach
from apps.permissions.roles import ApplicationScope, KeyScope, Role
from apps.workspaces.models import Collection, CollectionGrant, Member, Workspace
from apps.workspaces.resolvers import ON_BEHALF_OF

# Who had a right that has ended, and still holds another.
STORED_FOR = "viewer of one collection"
# Requests a minute of a planted key: it keeps to a limit, and the proof is not slowed by it.
_RATE = 100_000
_ALGORITHM = "ES256"


class Program(NamedTuple):
    """An application with its key and what it signs with. ``person``: whom it asks for; None asks
    for itself."""

    application_id: UUID
    key: str
    signs_with: Any
    person: User | None

    def headers(self) -> dict[str, str]:
        """Of one request: a statement works once."""
        headers = {"Authorization": f"Bearer {self.key}"}
        if self.person is not None:
            headers[ON_BEHALF_OF] = self._statement(self.person)
        return headers

    def _statement(self, person: User) -> str:
        claims = {
            "iss": str(self.application_id),
            "aud": assertions.audience(),
            "sub": str(person.pk),
            "exp": int(time.time()) + 60,
            "jti": uuid4().hex,
        }
        header = {"alg": _ALGORITHM, "kid": self.signs_with.kid}
        return jwt.encode(header, claims, self.signs_with, algorithms=[_ALGORITHM])


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks. ``key`` is the plain API key they come with, ``program`` the application; without
    either they have a session. ``user`` owns what is asked, and is None for somebody who is not
    signed in. ``reads`` are the collections they have a right to, ``uses`` the workspaces."""

    name: str
    user: User | None
    key: str = ""
    scope: str = ""
    program: Program | None = None
    reads: frozenset[UUID] = frozenset()
    uses: frozenset[UUID] = frozenset()
    member_of: frozenset[UUID] = frozenset()

    @property
    def is_program(self) -> bool:
        return bool(self.key) or self.program is not None

    @property
    def has_own_lists(self) -> bool:
        """Keys of one person show the same lists, or none: the widest is enough."""
        return not self.key or self.scope == KeyScope.ALL

    def headers(self) -> dict[str, str]:
        """What every request of theirs carries."""
        if self.program is not None:
            return self.program.headers()
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


@dataclass(frozen=True, slots=True)
class Cast:
    """``asking``: people without some right; ``entitled``: who may read what an entry has to show,
    by how they come."""

    asking: tuple[Visitor, ...]
    entitled: dict[str, Visitor]


def cast(mine: Workspace, other: Workspace, places: Sequence[Collection]) -> Cast:
    """Everybody, with their roles and grants. ``places``: an open, a closed and a hidden collection
    of ``mine``, and an open one of ``other``."""
    people = _people(mine, other, places)
    viewer = people[0]
    assert viewer.user is not None  # noqa: S101 - for the type
    keys = [
        replace(
            viewer,
            name=f"key for {scope.value} of a viewer",
            key=_key(viewer.user, scope),
            scope=scope.value,
        )
        for scope in KeyScope
    ]
    programs, auditor = _programs(people, other, places)
    entitled = {"session": viewer, "key": keys[-1], "application": programs[0], "audit": auditor}
    return Cast((*people, *keys, *programs), entitled)


def _people(mine: Workspace, other: Workspace, places: Sequence[Collection]) -> list[Visitor]:
    viewer, member, manager, stranger = (
        User.objects.plant(name=f"canary {name}")
        for name in ("viewer", "member", "manager", "stranger")
    )
    _grant(places[1], viewer)
    ended = timezone.now() - timedelta(days=1)
    _grant(places[2], viewer, role=Role.CONTRIBUTOR, expires_at=ended)
    Member.objects.create(workspace=mine, user=member, role=Role.VIEWER)
    Member.objects.create(workspace=other, user=manager, role=Role.MANAGER)
    here, there = frozenset({mine.pk}), frozenset({other.pk})
    return [
        Visitor(STORED_FOR, viewer, reads=frozenset({places[1].pk}), uses=here),
        Visitor(
            "member without a grant",
            member,
            reads=frozenset({places[0].pk}),
            uses=here,
            member_of=here,
        ),
        Visitor(
            "manager of another department",
            manager,
            reads=frozenset({places[3].pk}),
            uses=there,
            member_of=there,
        ),
        Visitor("stranger", stranger),
        Visitor("not signed in", None),
    ]


def _grant(place: Collection, user: User, **fields: Any) -> None:
    CollectionGrant.objects.create(
        collection=place,
        workspace=place.workspace,
        user=user,
        **{"role": Role.VIEWER, **fields},
    )


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


# --- programs -------------------------------------------------------------------------------------
def _programs(
    people: Sequence[Visitor], other: Workspace, places: Sequence[Collection]
) -> tuple[list[Visitor], Visitor]:
    """One that was granted everything asks for each of the people, and gets what they may; one that
    was granted little asks for who may more. The first for itself may read it all, and is who finds
    what the audit has to show."""
    broad, narrow = _application("broad", places), _application("narrow", places[3:])
    asked = [
        Visitor(
            f"application on behalf of a {person.name}",
            person.user,
            program=broad._replace(person=person.user),
            reads=person.reads,
            uses=person.uses,
            member_of=person.member_of,
        )
        for person in people
        if person.user is not None
    ]
    viewer = people[0].user
    account, its_own = _account_of(narrow), frozenset({other.pk})
    asked += [
        Visitor(
            "application without the grant that its viewer has",
            viewer,
            program=narrow._replace(person=viewer),
        ),
        Visitor(
            "application for itself",
            account,
            program=narrow,
            reads=frozenset({places[3].pk}),
            uses=its_own,
        ),
    ]
    everything = frozenset(place.pk for place in places)
    auditor = Visitor("auditor", _account_of(broad), program=broad, reads=everything)
    return asked, auditor


def _account_of(program: Program) -> User:
    return Application.with_planted.get(pk=program.application_id).account


def _application(name: str, granted: Sequence[Collection]) -> Program:
    accounts = [User.objects.plant(name=f"canary {name}", is_application=True) for _ in range(2)]
    scopes = (ApplicationScope.READ, ApplicationScope.ASK, ApplicationScope.AUDIT)
    application = Application.with_planted.create(
        name=f"canary {uuid4().hex}",
        acts=Acts.BOTH,
        reach=Reach.GRANTED,
        scopes=[scope.value for scope in scopes],
        account=accounts[0],
        sandbox_account=accounts[1],
    )
    for place in granted:
        _grant(place, accounts[0])
    return _with_keys(application)


def _with_keys(application: Application) -> Program:
    """Rows, and no verbs of an administrator: those are events, which come into the chain."""
    signs_with = jwk.generate_key("EC", "P-256", {"kid": uuid4().hex})
    plain = f"{PREFIX}{uuid4().hex}{uuid4().hex}"
    ApplicationKey.objects.create(
        application=application,
        name="canary",
        prefix=plain[:12],
        key_sha256=digest(plain),
        requests_per_minute=_RATE,
        expires_at=timezone.now() + timedelta(hours=6),
    )
    PublicKey.objects.create(
        application=application,
        kid=str(signs_with.kid),
        algorithm=_ALGORITHM,
        jwk={**signs_with.as_dict(private=False), "kid": str(signs_with.kid)},
    )
    return Program(application.pk, plain, signs_with, None)


def remove_programs() -> None:
    """Applications hold on to their accounts: they go first."""
    Application.with_planted.filter(account__email__endswith=f"@{CANARY_DOMAIN}").delete()
