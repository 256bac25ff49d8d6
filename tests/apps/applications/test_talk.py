"""Conversations through an application belong to the employee, and are all of theirs it sees."""

from collections.abc import Callable

from django.test import Client

from apps.accounts.models import User
from apps.applications.models import Reach
from apps.applications.rights import effective_scope
from apps.chat import services as chat
from apps.chat.models import Conversation, Turn
from apps.permissions.scope import entered, system_scope
from apps.workspaces.models import Collection
from apps.workspaces.scopes import scope_of
from tests import factories
from tests.apps.applications.conftest import Make


def test_an_application_sees_what_was_begun_through_it_and_nothing_else(
    make_program: Make, bob: User, collection: Collection, client_of: Callable[[User], Client]
) -> None:
    erp, other = (make_program(name, reach=Reach.PERSON) for name in ("ERP", "Other"))
    own = factories.make_conversation(bob, title="Private")
    turn = factories.make_turn(own, question="Am I being dismissed?")
    with entered(effective_scope(erp.key, bob)):
        begun = chat.ask(question="What is the notice period?")
    seen = {}
    for program in (erp, other):
        rows = program.get("/conversations", bob).json()["items"]
        seen[program.application.name] = {row["id"] for row in rows}
        assert program.get(f"/turns/{turn.pk}", bob).status_code == 404
        assert program.get(f"/conversations/{own.pk}", bob).status_code == 404
    assert seen == {"ERP": {str(begun.conversation_id)}, "Other": set()}
    assert erp.get(f"/turns/{begun.turn_id}", bob).status_code == 200
    assert other.get(f"/turns/{begun.turn_id}", bob).status_code == 404
    assert erp.get(f"/turns/{begun.turn_id}").status_code == 404  # for itself it is somebody else
    with entered(scope_of(bob)):  # in the browser it is all bob's
        assert Conversation.objects.count() == 2
        assert Turn.objects.count() == 2


def test_an_application_that_asks_for_itself_owns_what_it_asked(
    make_program: Make, collection: Collection
) -> None:
    erp = make_program()
    factories.make_grant(collection, erp.application.account)
    with entered(effective_scope(erp.key, None)):
        opened = chat.ask(question="What is the notice period?")
    with system_scope("test: whose it is"):
        turn = Turn.objects.get(pk=opened.turn_id)
    assert turn.owner_id == erp.application.account_id
    assert turn.application_id == erp.application.pk
