"""An answer that drew from what its reader may no longer open, looked for wherever answers are."""

from collections.abc import Iterator

from apps.chat.models import Citation, Conversation, Turn, TurnCollection
from apps.isolation.caller import Caller, Seen
from apps.isolation.world import Planted, World
from apps.permissions.scope import system_scope


def stored_answer(caller: Caller, place: World) -> Iterator[tuple[str, Seen, bool]]:
    """(address, what it said, whether words of the secret are in it) of every address that shows
    conversations or what was said in them."""
    user = caller.visitor.user
    if user is None:
        return
    planted = place.hidden_from(caller.visitor)[0]
    with system_scope("proof: an answer from before the right ended is stored"):
        conversation, turn = _write(planted, user.pk)
    for path in (
        "/",
        f"/c/{conversation}",
        f"/find?q={planted.secret.code}",
        f"/api/v1/conversations/find?q={planted.secret.code}",
        "/api/v1/conversations",
        f"/api/v1/conversations/{conversation}",
        f"/api/v1/turns/{turn}",
    ):
        seen = caller.get(path)
        words = (word for word in planted.secret.words if word not in path)
        yield path.split("?")[0], seen, any(word in seen.body for word in words)


def _write(planted: Planted, owner_id: object) -> tuple[object, object]:
    secret = planted.secret
    mine = {"owner_id": owner_id}
    conversation = Conversation.objects.create(title=secret.sentence[:100], **mine)
    turn = Turn.objects.create(
        conversation=conversation,
        question=f"What of {secret.code}?",
        answer=f"{secret.sentence} [1]",
        state=Turn.State.COMPLETE,
        **mine,
    )
    TurnCollection.objects.create(turn=turn, collection_id=planted.collection.pk, **mine)
    Citation.objects.create(
        turn=turn,
        number=1,
        chunk_id=planted.chunk_ids[0],
        version_id=planted.version_id,
        document_id=planted.document_id,
        collection_id=planted.collection.pk,
        document_name=secret.document_name,
        quote=secret.sentence,
        is_cited=True,
        **mine,
    )
    return conversation.pk, turn.pk
