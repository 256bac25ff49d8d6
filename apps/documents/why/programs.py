"""The same for programs: what an application, a key of it, and the person whom it asks for lead to.

As for people, ``reads`` and ``writes`` come from the scope that a request would have; the chain
explains it. Whether both agree is tested over every combination.
"""

from dataclasses import dataclass, replace
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.applications.models import Acts, Application, ApplicationKey, Reach
from apps.applications.rights import effective_scope, permissions_of
from apps.permissions.roles import Permission
from apps.permissions.scope import NOBODY, Scope, current_scope, system_scope
from apps.workspaces.models import Collection
from apps.workspaces.rights.explain import Effect, Explanation, Step, explain
from apps.workspaces.rights.facts import facts_of


@dataclass(frozen=True, slots=True)
class Program:
    """A program that would ask: with this key (None: with any that works), for this person (None:
    for itself)."""

    application: Application
    key: ApplicationKey | None
    person: User | None

    @property
    def is_sandbox(self) -> bool:
        return self.key is not None and self.key.is_sandbox

    @property
    def account(self) -> User:
        return self.application.sandbox_account if self.is_sandbox else self.application.account


def explain_program(program: Program, collection: Collection) -> Explanation:
    """What decides whether this program may open the collection. How a program is set that holds
    nothing in this workspace is told to administrators only."""
    scope = scope_of_program(program)
    own = explain(user=program.account, collection=collection)
    if not tells_of(collection.workspace_id, program.account):
        return _of_stranger(program, own, collection, scope)
    steps = [*_of_application(program), *_of_key(program), *_of_acting(program)]
    if program.person is None:
        steps += own.steps
    else:
        person = explain(user=program.person, collection=collection)
        steps += [*person.steps, *_of_grants(program, own)]
    steps += _of_scopes(program.application)
    return Explanation(
        collection.pk in scope.readable, collection.pk in scope.writable, tuple(steps)
    )


def tells_of(workspace_id: UUID, *people: User) -> bool:
    """Whether the actor may be told by which rules of the installation each of them is kept:
    administrators of everybody, others of who holds a role or a grant in this workspace."""
    if current_scope().allows(Permission.ADMINISTER):
        return True
    with system_scope("why: whether somebody holds anything in this workspace"):
        found = [facts_of(person) for person in people]
    return all(
        any(role.workspace_id == workspace_id for role in facts.roles)
        or any(g.workspace_id == workspace_id and g.is_valid(facts.now) for g in facts.grants)
        for facts in found
    )


def _of_stranger(
    program: Program, own: Explanation, collection: Collection, scope: Scope
) -> Explanation:
    """The answer, without how the program is set."""
    reads, writes = collection.pk in scope.readable, collection.pk in scope.writable
    chain = own
    if program.person is not None:
        chain = explain(user=program.person, collection=collection)
    effect = Effect.SAYS if writes else Effect.KEEPS_TO_READ if reads else Effect.SHUTS
    says = _("The application holds nothing in this workspace. How it is set, administrators see.")
    step = Step("application_elsewhere", effect, says)
    return Explanation(reads, writes, (*chain.steps, step))


def scope_of_program(program: Program) -> Scope:
    """The scope that its next request would have, were its address and its statement right."""
    if not program.application.is_active or (program.key is not None and _ended(program.key)):
        return NOBODY
    if program.person is not None and not program.person.is_active:
        return NOBODY
    key = program.key or ApplicationKey(application=program.application)
    return effective_scope(key, program.person)


def _ended(key: ApplicationKey) -> bool:
    is_over = key.expires_at is not None and key.expires_at <= timezone.now()
    return key.revoked_at is not None or is_over


def _of_application(program: Program) -> list[Step]:
    steps = []
    if not program.application.is_active:
        says = _("The application is stopped: none of its keys works.")
        steps.append(Step("application_stopped", Effect.SHUTS, says))
    if networks := program.application.networks:
        says = _("It is answered at named addresses only.")
        if current_scope().allows(Permission.ADMINISTER):
            says = _("It is answered at these addresses only: %(networks)s.") % {
                "networks": ", ".join(networks)
            }
        steps.append(Step("addresses", Effect.SAYS, says))
    return steps


def _of_key(program: Program) -> list[Step]:
    key = program.key
    if key is None:
        return []
    if key.revoked_at is not None:
        return [Step("key_revoked", Effect.SHUTS, _("The key was revoked."))]
    if _ended(key):
        return [Step("key_expired", Effect.SHUTS, _("The key has expired."))]
    if key.is_sandbox:
        says = _("It is a sandbox key: it reaches what the sandbox account was granted.")
        return [Step("key_sandbox", Effect.SAYS, says)]
    return [Step("key_valid", Effect.SAYS, _("The key works."))]


def _of_acting(program: Program) -> list[Step]:
    """For whom it may ask, and what it has to show for that."""
    acts = Acts(program.application.acts)
    if program.person is None:
        if acts is not Acts.PEOPLE:
            return [Step("acts", Effect.SAYS, _("It asks for itself, with what it was granted."))]
        says = _("It asks on behalf of people only: for itself it may do nothing.")
        return [Step("acts_people", Effect.SHUTS, says)]
    if acts is Acts.SERVICE:
        says = _("It asks for itself only, and on behalf of nobody.")
        return [Step("acts_service", Effect.SHUTS, says)]
    number = program.application.public_keys.count()
    if not number:
        says = _("No public key is registered: no statement of whom it asks for is believed.")
        return [Step("no_public_key", Effect.SAYS, says)]
    says = _("Each request needs a statement signed with one of its %(n)s public keys.")
    return [Step("statement", Effect.SAYS, says % {"n": number})]


def _of_grants(program: Program, own: Explanation) -> list[Step]:
    """What it was granted itself, where that narrows what people may."""
    if not program.is_sandbox and program.application.reach == Reach.PERSON:
        says = _("It may open whatever the person may open.")
        return [Step("reach_person", Effect.SAYS, says)]
    if not own.reads:
        says = _("It opens only what it was granted itself, and it was not granted this.")
        return [*_said(own), Step("not_granted", Effect.SHUTS, says)]
    if not own.writes:
        says = _("It was granted this itself, to read only.")
        return [*_said(own), Step("granted_to_read", Effect.KEEPS_TO_READ, says)]
    return [*_said(own), Step("granted", Effect.SAYS, _("It was granted this itself."))]


def _said(own: Explanation) -> list[Step]:
    """The chain of its account, as the reasons for one rule."""
    return [
        replace(
            step,
            rule=f"application_{step.rule}",
            effect=Effect.SAYS,
            text=_("The application: %(text)s") % {"text": step.text},
        )
        for step in own.steps
    ]


def _of_scopes(application: Application) -> list[Step]:
    held = permissions_of(application.scopes)
    names = {"scopes": ", ".join(application.scope_names())}
    if Permission.DOCUMENT_READ not in held:
        says = _("Its scopes (%(scopes)s) do not read documents.") % names
        return [Step("application_scope", Effect.SHUTS, says)]
    if Permission.DOCUMENT_WRITE not in held:
        says = _("Its scopes (%(scopes)s) add and remove nothing.") % names
        return [Step("application_scope", Effect.KEEPS_TO_READ, says)]
    says = _("Its scopes (%(scopes)s) do not narrow this.") % names
    return [Step("application_scope", Effect.SAYS, says)]
