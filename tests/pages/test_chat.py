"""The pages of asking: what they are given, and what they keep from view."""

import json
import re

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.urls import reverse

from apps.chat.context import sidebar
from apps.chat.models import Conversation, Turn
from apps.permissions.roles import Role
from apps.permissions.scope import system_scope
from apps.workspaces.models import CollectionGrant
from tests import factories

pytestmark = pytest.mark.django_db


def data_of(response):
    """What <kb-chat> is given."""
    block = re.search(
        r'<script id="chat-data" type="application/json">(.*?)</script>',
        response.content.decode(),
        re.DOTALL,
    )
    assert block
    return json.loads(block.group(1))


@pytest.fixture
def answered(bob, collection):
    """bob's conversation with one answer that cites the collection."""
    document = factories.make_document(collection, "Lease.txt")
    conversation = factories.make_conversation(
        bob, title="Notice period", workspace=collection.workspace
    )
    factories.make_turn(conversation, sources=[document])
    return conversation


# --- a conversation -------------------------------------------------------------------------------
def test_a_new_question_is_told_where_it_searches(bob, workspace, collection, client_of):
    data = data_of(client_of(bob).get(reverse("chat:new", args=[workspace.slug])))
    assert [place["name"] for place in data["collections"]] == ["Contracts"]
    assert data["turns"] == []


def test_listed_collections_that_one_cannot_open_are_named_and_others_are_not(
    bob, workspace, collection, other_collection, client_of
):
    factories.make_member(workspace, bob, role=Role.VIEWER)
    factories.make_collection(workspace, "Salaries", is_open=False)
    data = data_of(client_of(bob).get(reverse("chat:new", args=[workspace.slug])))
    assert data["hidden"] == ["Salaries"]


def test_a_conversation_comes_with_its_answers_and_sources(bob, answered, client_of):
    [turn] = data_of(client_of(bob).get(reverse("chat:conversation", args=[answered.pk])))["turns"]
    assert turn["answer"] == "Ninety days [1]."
    assert turn["sources"][0]["document_name"] == "Lease.txt"
    assert turn["cited"] == [1]


def test_a_conversation_is_of_one_person_alone(alice, admin, carol, answered, client_of):
    for user in (alice, admin, carol):
        page = reverse("chat:conversation", args=[answered.pk])
        assert client_of(user).get(page).status_code == 404


def test_after_a_revoked_grant_the_answer_is_withheld(bob, answered, collection, client_of):
    with system_scope("test: take the right away"):
        CollectionGrant.objects.filter(collection=collection).delete()
    response = client_of(bob).get(reverse("chat:conversation", args=[answered.pk]))
    # The workspace was bob's through the grant alone; the conversation is still his.
    [turn] = data_of(response)["turns"]
    assert turn["state"] == "withheld"
    assert turn["answer"] == turn["question"] == ""
    assert turn["sources"] == []
    assert "Ninety days" not in response.content.decode()
    assert "Notice period" not in response.content.decode()


def test_a_hostile_question_stays_inside_its_data(bob, answered, client_of):
    with system_scope("test: a hostile question"):
        Turn.objects.update(question="</script><script>alert(1)</script>")
    page = client_of(bob).get(reverse("chat:conversation", args=[answered.pk])).content.decode()
    assert "<script>alert(1)" not in page


def test_a_workspace_of_documents_only_offers_no_choice(alice, workspace, client_of):
    page = reverse("chat:new", args=[workspace.slug])
    assert 'id="mode-menu"' not in client_of(alice).get(page).content.decode()
    with system_scope("test: another mode"):
        workspace.mode = "chat"
        workspace.save()
    assert 'id="mode-menu"' in client_of(alice).get(page).content.decode()


def test_renaming_and_deleting_a_conversation(bob, carol, answered, client_of):
    rename, delete = (reverse(f"chat:{name}", args=[answered.pk]) for name in ("rename", "delete"))
    assert client_of(carol).post(rename, {"title": "Mine"}).status_code == 404
    assert client_of(carol).post(delete).status_code == 404
    assert client_of(bob).post(rename, {"title": " "}).status_code == 400
    assert client_of(bob).post(rename, {"title": "Leases"}).status_code == 302
    page = client_of(bob).get(reverse("chat:conversation", args=[answered.pk]))
    assert "Leases" in page.content.decode()
    assert client_of(bob).post(delete).status_code == 302
    with system_scope("test: look"):
        assert not Conversation.objects.exists()


def test_rating_an_answer_with_a_reason(bob, carol, answered, client_of):
    with system_scope("test: look"):
        turn = Turn.objects.get(conversation=answered)
    url = reverse("chat:rate", args=[turn.pk])
    assert client_of(carol).post(url, {"rating": "helpful"}).status_code == 404
    wrong = client_of(bob).post(url, {"rating": "splendid"})
    assert wrong.status_code == 400
    kept = client_of(bob).post(url, {"rating": "not_helpful", "reason": "Another lease."})
    assert kept.json() == {"rating": "not_helpful"}
    with system_scope("test: look"):
        turn.refresh_from_db()
        assert turn.rating_reason == "Another lease."


# --- home, finding, the sidebar -------------------------------------------------------------------
def test_home_counts_only_what_one_may_open(alice, bob, collection, other_collection, client_of):
    factories.make_document(collection, is_indexed=False)
    factories.make_document(other_collection, is_indexed=False, data=b"o")
    assert "2 documents" in client_of(alice).get("/").content.decode()
    assert "1 document" in client_of(bob).get("/").content.decode()


def test_home_without_a_workspace_says_what_to_do(client_of, admin):
    nobody = factories.make_user("dora")
    page = client_of(nobody).get("/").content.decode()
    assert "You are not in a workspace yet" in page
    assert "dora@example.com" in page
    assert "Make the first workspace" in client_of(admin).get("/").content.decode()


def test_failed_files_are_shown_to_those_who_can_do_something(alice, bob, collection, client_of):
    document = factories.make_document(collection, is_indexed=False)
    with system_scope("test: a file that failed"):
        document.runs.update(state="failed", error_code="ENCRYPTED")
        document.current = None
        document.save()
    assert "1 file could not be read" in client_of(alice).get("/").content.decode()
    assert "could not be read" not in client_of(bob).get("/").content.decode()


def test_finding_finds_only_what_one_may_open(bob, carol, collection, other_collection, client_of):
    factories.make_document(collection, "Lease Berlin.txt", is_indexed=False)
    factories.make_document(other_collection, "Lease secret.txt", is_indexed=False, data=b"o")
    page = client_of(bob).get(reverse("chat:find"), {"q": "lease"}).content.decode()
    assert "Lease Berlin.txt" in page
    assert "secret" not in page
    assert "Lease" not in client_of(carol).get(
        reverse("chat:find"), {"q": "berlin"}
    ).content.decode().replace("“berlin”", "")


def test_what_was_typed_comes_back_as_text(bob, client_of):
    page = client_of(bob).get(reverse("chat:find"), {"q": "<img src=x>"}).content.decode()
    assert "<img" not in page


def test_the_sidebar_costs_three_queries(
    alice, workspace, collection, as_, django_assert_max_num_queries
):
    factories.make_conversation(alice, title="One")
    request = RequestFactory().get("/")
    request.user = alice
    with as_(alice):
        context = {**sidebar(request), "user": alice, "workspace": workspace, "request": request}
        with django_assert_max_num_queries(3):
            html = render_to_string("_sidebar.html", context)
    assert "Contracts" in html
    assert "One" in html


def test_who_is_not_signed_in_has_no_sidebar(django_assert_num_queries):
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    with django_assert_num_queries(0):
        assert "sidebar" not in sidebar(request)
