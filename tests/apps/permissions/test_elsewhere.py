"""Where a query runs besides the thread of a request: coroutines, threads, tasks, streaming bodies.
The scope travels there, or the query is refused; it is never somebody else's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection, transaction
from django.db.models import Count
from django.http import StreamingHttpResponse

from apps.core.aio import in_thread, run_async
from apps.documents.models import Document
from apps.permissions.scope import (
    Scope,
    ScopeDenied,
    ScopeMissing,
    current_scope,
    entered,
    system_scope,
)
from tests.apps.permissions.world import ACTORS, SEEN, World, no_scope

docs = Document.objects
AsyncForm = Callable[[World], Awaitable[list[str]]]
FORMS: dict[str, AsyncForm] = {}


@pytest.fixture
def world(transactional_db: None) -> World:
    """Committed, so that other threads see it."""
    from tests.apps.permissions.world import make_world  # noqa: PLC0415 - overrides the other one

    return make_world()


def form(function: AsyncForm) -> AsyncForm:
    FORMS[function.__name__] = function
    return function


def names() -> list[str]:
    try:
        return [row.name for row in docs.all()]
    finally:
        connection.close()  # of whatever thread this is


@form
async def async_for(world: World) -> list[str]:
    return [row.name async for row in docs.all()]


@form
async def aiterator(world: World) -> list[str]:
    return [row.name async for row in docs.aiterator(chunk_size=1)]


@form
async def aget(world: World) -> list[str]:
    found = []
    for one in (world.a, world.b, world.c):
        with suppress(Document.DoesNotExist):
            found.append((await docs.aget(pk=one.pk)).name)
    return found


@form
async def afirst_alast(world: World) -> list[str]:
    rows = docs.order_by("name")
    return [row.name for row in (await rows.afirst(), await rows.alast()) if row]


@form
async def ain_bulk(world: World) -> list[str]:
    found = await docs.ain_bulk([world.a.pk, world.b.pk, world.c.pk])
    return [row.name for row in found.values()]


@form
async def aexists_acount_aaggregate_acontains(world: World) -> list[str]:
    found = []
    for one in (world.a, world.b, world.c):
        rows = docs.filter(pk=one.pk)
        answers = {
            await rows.aexists(),
            bool(await rows.acount()),
            bool((await rows.aaggregate(n=Count("pk")))["n"]),
            await docs.acontains(one),
        }
        assert len(answers) == 1
        found += [one.name] if answers.pop() else []
    return found


@form
async def arefresh_from_db(world: World) -> list[str]:
    found = []
    for one in (world.a, world.b, world.c):
        try:
            await Document(pk=one.pk).arefresh_from_db()
            found.append(one.name)
        except Document.DoesNotExist:
            pass
    return found


@form
async def aget_or_create(world: World) -> list[str]:
    found = []
    for one in (world.a, world.b, world.c):
        try:
            row, _made = await docs.aget_or_create(
                collection_id=one.collection_id, name=one.name, defaults={"pk": one.pk}
            )
            found.append(row.name)
        except ScopeDenied:
            pass
    return found


@form
async def values_in_a_comprehension(world: World) -> list[str]:
    return [name async for name in docs.values_list("name", flat=True)]


@form
async def to_thread(world: World) -> list[str]:
    return await asyncio.to_thread(names)


@form
async def in_a_thread_of_our_pool(world: World) -> list[str]:
    return await in_thread(names)


@form
async def sync_to_async_in_any_thread(world: World) -> list[str]:
    return await sync_to_async(names, thread_sensitive=False)()


@form
async def in_a_task(world: World) -> list[str]:
    return await asyncio.create_task(in_thread(names))


@form
async def gathered(world: World) -> list[str]:
    both = await asyncio.gather(in_thread(names), in_thread(names))
    return [*both[0], *both[1]]


@form
async def in_a_task_that_outlives_the_block(world: World) -> list[str]:
    """An answer goes on after the socket frame that began it: with that frame's scope."""
    scope = current_scope()
    go = asyncio.Event()

    async def later() -> list[str]:
        await go.wait()
        return await in_thread(names)

    with entered(scope):
        task = asyncio.create_task(later())
    with system_scope("test: the block around is another one by now"):
        go.set()
        return await task


@form
async def two_people_at_once(world: World) -> list[str]:
    """Scopes of tasks that run at the same time do not mix."""
    mine = current_scope()
    others = await sync_to_async(lambda: [world.scope(actor) for actor in ACTORS])()

    async def as_(scope: Scope) -> list[str]:
        with entered(scope):
            await asyncio.sleep(0)
            return await in_thread(names)

    first, *_rest = await asyncio.gather(as_(mine), *(as_(scope) for scope in others))
    return first


@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("name", FORMS)
async def test_the_scope_travels(name: str, actor: str, world: World) -> None:
    scope = await sync_to_async(world.scope)(actor)
    with entered(scope):
        assert set(await FORMS[name](world)) == SEEN[actor]


@pytest.mark.parametrize("name", FORMS)
async def test_without_a_scope_nothing_is_asked(name: str, world: World) -> None:
    with no_scope(), pytest.raises(ScopeMissing):
        await FORMS[name](world)


WRITES: dict[str, Callable[[World], Awaitable[object]]] = {
    "asave": lambda w: w.a.asave(),
    "adelete": lambda w: w.a.adelete(),
    "acreate": lambda w: docs.acreate(collection=w.open_to_viewer, name="new.txt"),
    "abulk_create": lambda w: docs.abulk_create(
        [Document(collection=w.open_to_viewer, name="new.txt")]
    ),
    "aupdate_or_create": lambda w: docs.aupdate_or_create(
        collection=w.open_to_viewer, name="new.txt"
    ),
    "abulk_update": lambda w: docs.abulk_update([w.a], ["name"]),
}


@pytest.mark.parametrize("name", WRITES)
async def test_async_writes_are_checked_like_the_others(name: str, world: World) -> None:
    scope = await sync_to_async(world.scope)("viewer")
    with entered(scope), pytest.raises(ScopeDenied):
        await WRITES[name](world)


async def test_async_bulk_writes_touch_nothing(world: World) -> None:
    scope = await sync_to_async(world.scope)("viewer")
    with entered(scope):
        assert await docs.aupdate(name="x.txt") == 0
        assert (await docs.all().adelete())[0] == 0


# --- threads --------------------------------------------------------------------------------------
def test_a_plain_thread_has_no_scope(world: World) -> None:
    with world.as_("owner"), ThreadPoolExecutor(1) as pool:
        with pytest.raises(ScopeMissing):
            pool.submit(names).result()
        assert set(pool.submit(copy_context().run, names).result()) == SEEN["owner"]
        pool.submit(lambda: connection.close()).result()  # noqa: PLW0108 - of that thread


def test_a_queryset_handed_to_a_thread_is_refused_there(world: World) -> None:
    with world.as_("owner"), ThreadPoolExecutor(1) as pool:
        rows = docs.all()
        with pytest.raises(ScopeMissing):
            pool.submit(list, rows).result()
        assert len(rows) == 2
        # Rows that were fetched are as invisible there as rows that were not.
        with pytest.raises(ScopeMissing):
            pool.submit(list, rows).result()


# --- bodies that stream ---------------------------------------------------------------------------
def test_a_body_that_streams_after_the_scope_was_left_is_refused(world: World) -> None:
    def body() -> Iterator[str]:
        yield from (row.name for row in docs.all())

    with world.as_("owner"):
        response = StreamingHttpResponse(body())
    with pytest.raises(ScopeMissing):
        list(response)


def test_a_body_that_enters_its_scope_streams_what_it_may(world: World) -> None:
    def body(scope: Scope) -> Iterator[str]:
        with entered(scope):
            found = names()
        yield from found

    with world.as_("viewer") as scope:
        response = StreamingHttpResponse(body(scope))
    assert b"".join(response) == b"a.txt"


async def test_an_async_body_enters_its_scope_as_well(world: World) -> None:
    scope = await sync_to_async(world.scope)("viewer")

    async def body() -> AsyncIterator[str]:
        with entered(scope):
            found = await in_thread(names)
        for name in found:
            yield name

    response = StreamingHttpResponse(body())
    assert [part async for part in response] == [b"a.txt"]


# --- between the two worlds -----------------------------------------------------------------------
def test_async_to_sync_carries_the_scope(world: World) -> None:
    async def ask() -> list[str]:
        return [row.name async for row in docs.all()]

    with world.as_("viewer"):
        assert async_to_sync(ask)() == ["a.txt"]
        assert run_async(ask()) == ["a.txt"]


def test_run_async_is_refused_inside_a_transaction(world: World) -> None:
    """Its queries would be outside the transaction, or wait for it for ever."""

    async def ask() -> int:
        return await docs.acount()

    with world.as_("viewer"), transaction.atomic(), pytest.raises(RuntimeError):
        run_async(ask())
