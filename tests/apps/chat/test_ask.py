"""A question over the socket, from the first frame to the last."""

import pytest

from apps.accounts.models import User
from apps.chat.models import Citation, Conversation, Turn, TurnCollection
from apps.documents.models import Chunk
from apps.documents.passages import services as passages
from apps.documents.passages.models import CollectionRecipe
from apps.engines.adapters.fake import ScriptedGenerator
from apps.events.models import Event
from apps.permissions.scope import system_scope
from apps.rag.ports import Delta, DeltaKind
from apps.rag.refusal import REFUSAL_EN, REFUSAL_ZH
from apps.workspaces.models import Collection, Workspace
from tests.apps.chat.talk import LONG, said, sql, talking
from tests.factories import make_collection, make_document, make_workspace

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def contract(collection: Collection):
    return make_document(
        collection, "lease.pdf", texts=["The notice period is ninety days.", "Rent is due monthly."]
    )


async def test_sources_come_before_the_first_word(bob: User, contract) -> None:
    async with talking(bob) as talk:
        frames = await talk.ask("What is the notice period?")
    kinds = [frame["type"] for frame in frames]
    assert kinds[:2] == ["started", "sources"]
    assert set(kinds[2:-1]) == {"delta"}
    assert kinds[-1] == "done"
    source = frames[1]["sources"][0]
    assert source["document_name"] == "lease.pdf"
    assert source["quote"] == "The notice period is ninety days."
    assert source["page"] == 1
    assert source["url"] == (
        f"/d/{contract.pk}?v={source_version(contract)}&chunk={source['chunk']}&page=1"
    )
    assert [source["quote"][start:end] for start, end in source["marks"]] == ["notice", "period"]


def source_version(document) -> str:
    return str(document.current_id)


async def test_the_answer_is_kept_with_its_citations(bob: User, contract, collection) -> None:
    async with talking(bob) as talk:
        frames = await talk.ask("What is the notice period?", request="r1")
    done = frames[-1]
    assert done["text"] == "The notice period is ninety days. [1]"
    assert done["cited"] == [1]
    assert done["refused"] is False
    turn = await sql(Turn.objects.get)
    assert str(turn.pk) == done["turn"]
    assert (turn.state, turn.answer) == ("complete", done["text"])
    assert turn.took_ms >= turn.first_token_ms >= 0
    assert turn.completion_tokens > 0
    cited = await sql(lambda: list(Citation.objects.filter(is_cited=True)))
    assert [(c.number, c.document_id, c.quote) for c in cited] == [
        (1, contract.pk, "The notice period is ninety days.")
    ]
    drawn = await sql(lambda: list(TurnCollection.objects.values_list("collection_id", flat=True)))
    assert drawn == [collection.pk]
    kinds = await sql(lambda: list(Event.objects.values_list("kind", flat=True).order_by("pk")))
    assert kinds == ["conversation.created", "chat.asked", "chat.answered"]


async def test_started_names_the_conversation_and_echoes_the_request(bob: User, contract) -> None:
    async with talking(bob) as talk:
        frames = await talk.ask("Please, what is the notice period?", request="r1")
    started = frames[0]
    conversation = await sql(Conversation.objects.get)
    assert started["request"] == "r1"
    assert started["conversation"] == str(conversation.pk)
    assert started["url"] == f"/c/{conversation.pk}"
    assert started["title"] == "what is the notice period?"
    assert started["question"] == "Please, what is the notice period?"
    assert started["parent"] is None


async def test_frames_are_numbered_and_grow(bob: User, contract) -> None:
    async with talking(bob) as talk:
        frames = await talk.ask("What is the notice period?")
    numbers = [frame["n"] for frame in frames]
    assert numbers == sorted(set(numbers))
    assert numbers[:2] == [0, 1]
    assert len({frame["turn"] for frame in frames}) == 1


async def test_nothing_comes_from_a_collection_that_the_asker_cannot_read(
    carol: User, contract
) -> None:
    async with talking(carol) as talk:
        frames = await talk.ask("What is the notice period?")
    assert frames[1]["sources"] == []
    assert frames[1]["note"] == "NOTHING_FOUND"
    assert "ninety" not in str(frames)


async def test_documents_only_without_passages_refuses_without_asking_the_model(
    carol: User, contract, model: ScriptedGenerator
) -> None:
    async with talking(carol) as talk:
        english = await talk.ask("What is the notice period?")
        chinese = await talk.ask("通知期是多长？")
    assert english[-1]["text"] == REFUSAL_EN
    assert chinese[-1]["text"] == REFUSAL_ZH
    assert english[-1]["refused"]
    assert chinese[-1]["refused"]
    assert model.prompts == []
    states = await sql(lambda: set(Turn.objects.values_list("state", flat=True)))
    assert states == {"refused"}


@pytest.mark.parametrize("words", [REFUSAL_EN, REFUSAL_ZH])
async def test_a_refusal_of_the_model_is_recorded_as_one(
    bob: User, contract, model: ScriptedGenerator, words: str
) -> None:
    model.script.append(words)
    async with talking(bob) as talk:
        frames = await talk.ask("Who painted the ceiling?")
    assert frames[-1]["refused"] is True
    assert frames[-1]["cited"] == []
    assert (await sql(Turn.objects.get)).state == "refused"


async def test_citations_survive_the_borders_of_tokens(
    bob: User, contract, model: ScriptedGenerator
) -> None:
    model.script.append(
        [Delta("Ninety days ["), Delta("1"), Delta("]"), Delta(". Rent 【"), Delta("9】.")]
    )
    async with talking(bob) as talk:
        frames = await talk.ask("What is the notice period?")
    assert not any(
        f["text"].count("[") != f["text"].count("]") for f in frames if f["type"] == "delta"
    )
    assert said(frames) == "Ninety days [1]. Rent."
    assert frames[-1]["cited"] == [1]


async def test_thinking_is_a_delta_of_its_own_and_never_part_of_the_answer(
    bob: User, contract, model: ScriptedGenerator
) -> None:
    model.script.append(
        [Delta("The lease says [1].", DeltaKind.THINKING), Delta("Ninety days [1].")]
    )
    model.script.append("And monthly [1].")
    async with talking(bob) as talk:
        frames = await talk.ask("What is the notice period?")
        await talk.ask("And the rent?", conversation=frames[0]["conversation"])
    assert said(frames, "thinking") == "The lease says [1]."
    assert said(frames) == "Ninety days [1]."
    assert frames[-1]["text"] == "Ninety days [1]."
    turn = await sql(Turn.objects.order_by("created_at").first)
    assert turn.thinking == "The lease says [1]."
    assert "lease says" not in str(model.prompts[1])
    assert "Ninety days" in str(model.prompts[1])


async def test_an_answer_without_marks_gets_the_citation_that_supports_it(
    bob: User, contract, model: ScriptedGenerator
) -> None:
    model.script.append("The notice period is ninety days.")
    async with talking(bob) as talk:
        frames = await talk.ask("What is the notice period?")
    assert frames[-1]["cited"] == [1]
    assert "[1]" in frames[-1]["text"]


async def test_a_citation_at_the_wrong_source_is_moved(
    bob: User, contract, model: ScriptedGenerator
) -> None:
    async with talking(bob) as talk:
        sources = (await talk.ask("What is the notice period?"))[1]["sources"]
        rent = next(s["number"] for s in sources if s["quote"] == "Rent is due monthly.")
        model.script.append(f"Rent is due monthly [{3 - rent}].")
        frames = await talk.ask("What is the notice period?")
    assert frames[-1]["cited"] == [rent]
    assert frames[-1]["text"] == f"Rent is due monthly [{rent}]."


async def test_what_no_source_says_is_marked(bob: User, contract, model: ScriptedGenerator) -> None:
    model.script.append(
        "The notice period is ninety days [1]. Penguins breed in Antarctica in 1999 [1]."
    )
    async with talking(bob) as talk:
        done = (await talk.ask("What is the notice period?"))[-1]
    marked = [done["text"][start:end] for start, end in done["unsupported"]]
    assert len(marked) == 1
    assert "Penguins" in marked[0]
    assert "ninety" not in marked[0]


async def test_two_questions_at_once_are_both_answered(
    bob: User, contract, model: ScriptedGenerator
) -> None:
    model.delta_delay_s = 0.2
    model.script.extend(["one " * 200, "two " * 200])
    async with talking(bob) as talk:
        await talk.send(type="ask", text="What is the notice period?", request="a")
        await talk.send(type="ask", text="When is rent due?", request="b")
        while len({frame["turn"] for frame in talk.seen if frame["type"] == "delta"}) < 2:
            await talk.frame()
        model.delta_delay_s = 0.001
        while sum(frame["type"] == "done" for frame in talk.seen) < 2:
            await talk.frame()
    turns = [frame["turn"] for frame in talk.seen if frame["type"] == "delta"]
    assert turns != sorted(turns, key=turns.index)  # interleaved, not one after the other
    for turn in set(turns):
        own = [frame for frame in talk.seen if frame["turn"] == turn]
        assert own[-1]["text"].split() == said(own).split()
        assert len(set(said(own).split())) == 1


async def test_a_fifth_answer_at_once_is_refused_until_one_has_ended(
    bob: User, contract, model: ScriptedGenerator
) -> None:
    model.delta_delay_s = 0.05
    model.script.extend([LONG] * 4)
    async with talking(bob) as talk:
        for number in range(4):
            await talk.send(type="ask", text="What is the notice period?", request=str(number))
            await talk.until("started")
        await talk.send(type="ask", text="One more?", request="five")
        error = (await talk.until("error"))[-1]
        assert (error["code"], error["request"], error["turn"]) == ("TOO_MANY_REQUESTS", "five", "")
        await talk.send(type="stop", turn=talk.seen[0]["turn"])
        await talk.until("stopped")
        await talk.send(type="ask", text="One more?", request="six")
        assert (await talk.until("started", "error"))[-1]["request"] == "six"
    assert await sql(Turn.objects.count) == 5


async def test_an_unreadable_collection_is_like_one_that_does_not_exist(
    bob: User, contract, other_collection: Collection
) -> None:
    async with talking(bob) as talk:
        hidden = await talk.ask("What?", collections=[other_collection])
        absent = await talk.ask("What?", collections=["019ab1c2-0000-7000-8000-000000000000"])
    assert hidden[-1]["code"] == absent[-1]["code"] == "NOT_FOUND"
    assert await sql(Conversation.objects.count) == 0


async def test_a_question_is_kept_to_the_collections_it_names(
    alice: User, contract, other_collection: Collection
) -> None:
    await sql(make_document, other_collection, "board.txt", texts=["The notice period is secret."])
    async with talking(alice) as talk:
        frames = await talk.ask("What is the notice period?", collections=[other_collection])
        again = await talk.ask("notice period", conversation=frames[0]["conversation"])
    for answer in (frames, again):
        assert {s["document_name"] for s in answer[1]["sources"]} == {"board.txt"}


async def test_a_workspace_keeps_a_question_to_its_own_collections(
    alice: User, contract, workspace: Workspace
) -> None:
    def elsewhere() -> Workspace:
        room = make_workspace("Elsewhere", manager=alice)
        make_document(make_collection(room), "other.txt", texts=["The notice period is two years."])
        return room

    room = await sql(elsewhere)
    async with talking(alice) as talk:
        here = await talk.ask("What is the notice period?", workspace=workspace.slug)
        there = await talk.ask("What is the notice period?", workspace=room.slug)
        both = await talk.ask("What is the notice period?")
    names = [{s["document_name"] for s in frames[1]["sources"]} for frames in (here, there, both)]
    assert names == [{"lease.pdf"}, {"other.txt"}, {"lease.pdf", "other.txt"}]


async def test_a_workspace_of_a_stranger_does_not_exist(carol: User, workspace: Workspace) -> None:
    async with talking(carol) as talk:
        theirs = await talk.ask("What?", workspace=workspace.slug)
        absent = await talk.ask("What?", workspace="no-such-room")
    assert theirs[-1]["code"] == absent[-1]["code"] == "NOT_FOUND"


async def test_a_workspace_of_documents_only_stays_so_whatever_is_asked_for(
    alice: User, contract, workspace: Workspace
) -> None:
    async with talking(alice) as talk:
        await talk.ask("What is the notice period?", workspace=workspace.slug, mode="chat")
        await talk.ask("What is the notice period?", mode="chat")
    modes = await sql(
        lambda: list(Turn.objects.order_by("created_at").values_list("mode", flat=True))
    )
    assert modes == ["documents_only", "chat"]


async def test_a_follow_up_is_searched_with_what_it_refers_to(
    bob: User, contract, model: ScriptedGenerator
) -> None:
    async with talking(bob) as talk:
        first = await talk.ask("What is the notice period of the lease?")
        await talk.ask("Why is it so long?", conversation=first[0]["conversation"])
    last = await sql(Turn.objects.order_by("-created_at").first)
    assert str(last.parent_id) == first[0]["turn"]
    assert "notice" in last.query
    assert "What is the notice period of the lease?" in str(model.prompts[1])


async def test_a_follow_up_draws_from_what_its_history_drew_from(
    alice: User, contract, collection: Collection, other_collection: Collection
) -> None:
    await sql(make_document, other_collection, "board.txt", texts=["Dividends are paid in May."])
    async with talking(alice) as talk:
        first = await talk.ask("What is the notice period?", collections=[collection])
        await talk.ask(
            "When are dividends paid?",
            conversation=first[0]["conversation"],
            collections=[other_collection],
        )
    turn = await sql(Turn.objects.order_by("-created_at").first)
    drawn = await sql(lambda: set(turn.drawn_from.values_list("collection_id", flat=True)))
    assert drawn == {collection.pk, other_collection.pk}


async def test_an_answer_keeps_what_the_model_was_given_and_says_that_a_person_wrote_it(
    alice: User, bob: User, contract, as_
) -> None:
    def change(text: str, number: int) -> None:
        with as_(alice):
            chunk = Chunk.objects.get(version=contract.current_id, ordinal=0)
            passages.edit(document=contract, chunk_id=chunk.pk, text=text, number=number)

    await sql(lambda: change("The notice period is sixty days.", 0))
    async with talking(bob) as talk:
        frames = await talk.ask("What is the notice period?")
    source = frames[1]["sources"][0]
    assert source["quote"] == "The notice period is sixty days."
    assert source["edited"]["by"] == "alice"
    assert source["edited"]["original"] == "The notice period is ninety days."
    await sql(lambda: change("The notice period is a year.", 1))
    kept = await sql(lambda: Citation.objects.order_by("number")[0])
    assert kept.quote == "The notice period is sixty days."


async def test_the_model_is_given_what_stands_around_and_the_citation_stays_small(
    bob: User, collection: Collection, workspace: Workspace, model: ScriptedGenerator
) -> None:
    texts = [f"Clause {n} speaks of the {n}th matter of this lease." for n in range(60)]
    texts[30] = "The notice period is ninety days."

    def fill() -> None:
        make_document(collection, "lease.pdf", texts=texts)
        with system_scope("test: more around a passage"):
            CollectionRecipe.objects.create(
                collection=collection, workspace=workspace, size=64, parent=200
            )

    await sql(fill)
    async with talking(bob) as talk:
        frames = await talk.ask("What is the notice period?")
    source = next(s for s in frames[1]["sources"] if s["quote"] == texts[30])
    assert all(source["around"].count(text) <= 1 for text in texts)
    wide = [s for s in frames[1]["sources"] if s["around"]]
    assert wide
    assert all(s["quote"] in s["around"] and len(s["around"]) > len(s["quote"]) for s in wide)
    kept = await sql(lambda: Citation.objects.get(number=wide[0]["number"]))
    assert (kept.quote, kept.around) == (wide[0]["quote"], wide[0]["around"])
