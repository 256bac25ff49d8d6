"""Conversations and their branches: lists, titles, finding, renaming, rating, deleting."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.chat import services
from apps.chat.models import Citation, Conversation, Turn, TurnCollection
from apps.chat.queries import (
    conversations,
    conversations_grouped,
    find_conversations,
    path_through,
    shown_title,
    thread,
    visible_turns,
)
from apps.core import hooks
from apps.core.errors import AppError
from apps.documents.models import Document
from apps.events.models import Event
from apps.permissions.scope import ScopeDenied, entered, system_scope
from apps.workspaces.models import Collection, Workspace
from apps.workspaces.scopes import scope_of
from tests.factories import make_document, make_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _as_bob(bob: User):
    with entered(scope_of(bob)):
        yield


@pytest.fixture
def lease(collection: Collection) -> Document:
    return make_document(collection, "lease.pdf", texts=["The notice period is ninety days."])


def answered(opened: services.Opened, answer: str = "", **fields: object) -> Turn:
    """The turn with an answer, as a finished stream would leave it."""
    Turn.objects.filter(pk=opened.turn_id).update(
        answer=answer, **{"state": Turn.State.COMPLETE, **fields}
    )
    return Turn.objects.get(pk=opened.turn_id)


def asked(question: str, answer: str = "An answer.", **fields: object) -> Turn:
    return answered(services.ask(question=question, **fields), answer)


def cite(turn: Turn, document: Document) -> Citation:
    TurnCollection.objects.create(
        owner_id=turn.owner_id, turn=turn, collection_id=document.collection_id
    )
    return Citation.objects.create(
        owner_id=turn.owner_id,
        turn=turn,
        number=1,
        chunk_id=UUID(int=1),
        version_id=document.current_id,
        document_id=document.pk,
        collection_id=document.collection_id,
        document_name=document.name,
        page=1,
        quote="The notice period is ninety days.",
        headings=["Termination"],
        boxes=[[1, 0.1, 0.1, 0.9, 0.2]],
        is_cited=True,
    )


# --- asking -------------------------------------------------------------------------------------


def test_a_conversation_is_called_after_its_first_question() -> None:
    turn = asked("Hello, what is the notice period? I forgot.")
    asked("And the rent?", conversation_id=turn.conversation_id)
    assert Conversation.objects.get().title == "what is the notice period?"


@pytest.mark.parametrize("question", ["", "  \n", "\x00", "x" * 8001])
def test_a_question_of_no_or_too_many_words_leaves_nothing_behind(question: str) -> None:
    with pytest.raises(AppError) as caught:
        services.ask(question=question)
    assert caught.value.code == "BAD_REQUEST"
    assert Conversation.objects.count() == 0
    assert Event.objects.count() == 0


def test_a_question_goes_on_from_the_newest_turn_unless_it_says_from_which() -> None:
    first = asked("One?")
    second = asked("Two?", conversation_id=first.conversation_id)
    third = asked("Three?", conversation_id=first.conversation_id)
    beside = asked("Four?", parent_id=first.pk)
    assert beside.conversation_id == first.conversation_id
    assert [second.parent_id, third.parent_id, beside.parent_id] == [first.pk, second.pk, first.pk]


def test_a_parent_of_another_conversation_does_not_exist() -> None:
    first, other = asked("One?"), asked("Two?")
    with pytest.raises(Turn.DoesNotExist):
        services.ask(question="?", conversation_id=first.conversation_id, parent_id=other.pk)


def test_who_belongs_nowhere_cannot_ask() -> None:
    with entered(scope_of(User.objects.create_user(email="new@example.com"))):
        with pytest.raises(ScopeDenied):
            services.ask(question="Anybody?")
        assert Conversation.objects.count() == 0


def test_an_administrator_without_a_role_cannot_ask_in_a_workspace(
    admin: User, workspace: Workspace
) -> None:
    with entered(scope_of(admin)), pytest.raises(ScopeDenied):
        services.ask(question="What is the notice period?", workspace=workspace)


def test_who_has_lost_the_workspace_cannot_go_on_there(bob: User, workspace: Workspace) -> None:
    turn = asked("What is the notice period?", workspace=workspace)
    with system_scope("test: bob loses everything"):
        bob.grants.all().delete()
    with entered(scope_of(bob)), pytest.raises(Workspace.DoesNotExist):
        services.ask(question="And?", conversation_id=turn.conversation_id)


def test_a_workspace_is_named_by_slug_or_id(workspace: Workspace) -> None:
    for name in (workspace, workspace.slug, workspace.pk, str(workspace.pk)):
        opened = services.ask(question="What?", workspace=name)
        assert opened.workspace_id == workspace.pk
        answered(opened)


def test_the_workspace_brings_its_prompt_language_and_model(workspace: Workspace) -> None:
    with system_scope("test: settings of a workspace"):
        Workspace.objects.filter(pk=workspace.pk).update(
            prompt="Be brief.", language="zh-hans", model="qwen", mode="chat"
        )
    opened = services.ask(question="What?", workspace=workspace.slug)
    assert (opened.prompt, opened.language, opened.model, opened.mode) == (
        "Be brief.",
        "zh-hans",
        "qwen",
        "chat",
    )


# --- branches -----------------------------------------------------------------------------------


def test_branches_are_kept_and_counted() -> None:
    first = asked("One?")
    old = asked("Two?", conversation_id=first.conversation_id)
    again = answered(services.regenerate(turn_id=old.pk), "Another answer.")
    edited = answered(services.edit(turn_id=old.pk, question="Two and a half?"), "A third.")
    below = asked("Three?", conversation_id=first.conversation_id, parent_id=again.pk)
    conversation = first.conversation

    newest = thread(conversation)
    assert [turn.id for turn in newest] == [first.pk, again.pk, below.pk]
    assert [(turn.position, len(turn.siblings)) for turn in newest] == [(1, 1), (2, 3), (1, 1)]
    assert (newest[1].previous, newest[1].next) == (old.pk, edited.pk)
    assert newest[0].previous is newest[0].next is None

    assert [turn.id for turn in thread(conversation, old.pk)] == [first.pk, old.pk]
    assert [turn.id for turn in thread(conversation, first.pk)] == [first.pk, edited.pk]
    assert [turn.id for turn in thread(conversation, UUID(int=5))] == [turn.id for turn in newest]
    assert len(visible_turns(conversation)) == 5


def test_the_first_question_can_have_branches_too() -> None:
    first = asked("One?")
    edited = answered(services.edit(turn_id=first.pk, question="Two?"))
    path = thread(first.conversation)
    assert [(turn.id, turn.position, turn.siblings) for turn in path] == [
        (edited.pk, 2, [first.pk, edited.pk])
    ]


def test_an_empty_conversation_has_no_path() -> None:
    assert thread(services.create_conversation()) == []
    assert path_through({}, None) == []


# --- lists --------------------------------------------------------------------------------------


def test_conversations_are_grouped_by_day(bob: User) -> None:
    now = timezone.now()
    for days in (0, 1, 3, 40):
        turn = asked(f"{days} days ago?")
        Conversation.objects.filter(pk=turn.conversation_id).update(
            updated_at=now - timedelta(days=days)
        )
    found = [
        (group.label, [row.title for row in group.conversations])
        for group in conversations_grouped()
    ]
    assert found == [
        ("Today", ["0 days ago?"]),
        ("Yesterday", ["1 days ago?"]),
        ("This week", ["3 days ago?"]),
        ("Earlier", ["40 days ago?"]),
    ]


def test_lists_can_be_kept_to_a_workspace(bob: User, workspace: Workspace) -> None:
    asked("Here?", workspace=workspace)
    asked("Anywhere?")
    rows = [
        row for group in conversations_grouped(workspace=workspace) for row in group.conversations
    ]
    assert [row.title for row in rows] == ["Here?"]


def test_a_running_answer_is_seen_in_the_list() -> None:
    opened = services.ask(question="Running?")
    row = conversations_grouped()[0].conversations[0]
    assert row.is_running
    assert row.url == f"/c/{opened.conversation_id}"
    answered(opened)
    assert not conversations_grouped()[0].conversations[0].is_running


def test_the_sidebar_costs_one_query(django_assert_num_queries) -> None:
    for number in range(5):
        asked(f"{number}?")
    with django_assert_num_queries(1):
        conversations_grouped()


def test_a_thread_costs_the_same_however_long(
    lease: Document, django_assert_max_num_queries
) -> None:
    turn = asked("0?")
    cite(turn, lease)
    for number in range(1, 8):
        cite(asked(f"{number}?", conversation_id=turn.conversation_id), lease)
    with django_assert_max_num_queries(7):
        turns = thread(turn.conversation)
    assert len(turns) == 8
    assert turns[7].sources[0]["quote"]


# --- finding ------------------------------------------------------------------------------------


def test_finding_looks_into_titles_questions_and_answers_of_ones_own(
    alice: User, lease: Document
) -> None:
    with entered(scope_of(alice)):
        asked("Whose penguin is this?")
    one = asked("Where do they live?", "The penguin lives on the ice, far away from here. " * 20)
    two = asked("Is a Penguin a bird?")
    asked("Something else?")
    found = {each.conversation_id: each for each in find_conversations("penguin")}
    assert set(found) == {one.conversation_id, two.conversation_id}
    assert found[one.conversation_id].snippet.startswith("The penguin lives on the ice")
    assert found[one.conversation_id].snippet.endswith("…")
    assert found[one.conversation_id].turn_id == one.pk
    assert found[one.conversation_id].url == f"/c/{one.conversation_id}"


@pytest.mark.parametrize("text", ["", "  ", "\x00", "%", "_"])
def test_finding_nothing_finds_nothing(text: str) -> None:
    asked("One?")
    assert find_conversations(text) == []


def test_chinese_is_found() -> None:
    turn = asked("合同的通知期是多久？", "通知期为九十天。")
    assert [each.turn_id for each in find_conversations("通知期")] == [turn.pk]


def test_thinking_is_not_found(bob: User) -> None:
    turn = asked("One?")
    Turn.objects.filter(pk=turn.pk).update(thinking="penguin")
    assert find_conversations("penguin") == []


# --- renaming, rating, deleting -----------------------------------------------------------------


def test_renaming_keeps_the_place_in_the_list() -> None:
    first, second = asked("One?"), asked("Two?")
    services.rename_conversation(conversation=first.conversation, title="  My\nnotes \x00")
    titles = [shown_title(each) for each in conversations()]
    assert titles == ["Two?", "My notes"]
    assert second.conversation_id == conversations()[0].pk
    with pytest.raises(AppError):
        services.rename_conversation(conversation=first.conversation, title=" ")


def test_a_rating_is_kept_with_its_reason_and_can_be_taken_back() -> None:
    turn = asked("One?")
    services.rate(turn=turn, rating="not_helpful", reason=" Wrong page. ")
    seen = visible_turns(turn.conversation)[0]
    assert (seen.rating, seen.rating_reason) == ("not_helpful", "Wrong page.")
    services.rate(turn=turn, rating="", reason="ignored")
    seen = visible_turns(turn.conversation)[0]
    assert (seen.rating, seen.rating_reason) == ("", "")
    with pytest.raises(AppError):
        services.rate(turn=turn, rating="great")


def test_deleting_a_conversation_removes_all_of_it_and_nothing_else(lease: Document) -> None:
    turn, other = asked("One?"), asked("Two?")
    cite(turn, lease)
    cite(other, lease)
    services.regenerate(turn_id=turn.pk)
    services.delete_conversation(conversation=turn.conversation)
    assert list(Turn.objects.all()) == [other]
    assert list(Conversation.objects.all()) == [other.conversation]
    assert Citation.objects.count() == TurnCollection.objects.count() == 1
    assert "conversation.deleted" in Event.objects.values_list("kind", flat=True)


def test_a_stranger_can_change_nothing(carol: User) -> None:
    turn = asked("One?")
    conversation = turn.conversation
    with entered(scope_of(carol)):
        for change in (
            lambda: services.delete_conversation(conversation=conversation),
            lambda: services.rate(turn=turn, rating="helpful"),
            lambda: services.open_turn(conversation=conversation, question="Mine?"),
            lambda: services.rename_conversation(conversation=conversation, title="Stolen"),
        ):
            with pytest.raises((ScopeDenied, Conversation.DoesNotExist)):
                change()
        services.request_stop(turn=turn)
        assert services.close_interrupted() == 0
    assert Conversation.objects.get().title == "One?"
    assert Turn.objects.get().stop_requested is False


# --- documents that go --------------------------------------------------------------------------


def test_a_deleted_document_is_no_longer_quoted(lease: Document) -> None:
    turn = asked("One?")
    cite(turn, lease)
    with system_scope("test: delete"):
        Document.with_deleted.filter(pk=lease.pk).update(deleted_at=timezone.now())
    source = visible_turns(turn.conversation)[0].sources[0]
    assert (source["quote"], source["document_name"], source["url"]) == ("", "", "")
    assert (source["headings"], source["boxes"], source["marks"]) == ([], [], [])


def test_an_erased_document_leaves_nothing_in_citations(lease: Document) -> None:
    turn = asked("One?")
    citation = cite(turn, lease)
    with system_scope("test: the job that erases"):
        hooks.document_erased(lease.pk)
    citation.refresh_from_db()
    assert (citation.quote, citation.document_name, citation.page) == ("", "", None)
    assert (citation.headings, citation.boxes) == ([], [])
    assert visible_turns(turn.conversation)[0].sources[0]["url"] == ""


def test_events_never_hold_what_was_asked_or_said() -> None:
    turn = asked("Who is the penguin?", "A penguin.")
    services.rate(turn=turn, rating="helpful", reason="penguin")
    services.rename_conversation(conversation=turn.conversation, title="penguin")
    assert "penguin" not in str(list(Event.objects.values_list("data", flat=True)))


def test_a_workspace_that_goes_takes_its_conversations(alice: User) -> None:
    room = make_workspace(manager=alice)
    with entered(scope_of(alice)):
        turn = asked("One?", workspace=room)
    with system_scope("test: a workspace is deleted"):
        room.delete()
        assert not Turn.objects.filter(pk=turn.pk).exists()
