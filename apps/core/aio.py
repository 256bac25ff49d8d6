"""Where async and sync meet."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from django.db import transaction

T = TypeVar("T")

# asgiref ignores ASGI_THREADS; with its default pool the seventh question would wait for the first.
POOL_SIZE = 16
_POOL = ThreadPoolExecutor(POOL_SIZE, thread_name_prefix="in-thread")
# For what is asked while a thread of the other pool waits for the answer: in one pool, as many of
# those as it has threads would wait for each other.
_SHORT = ThreadPoolExecutor(4, thread_name_prefix="in-short-thread")


async def in_thread(work: Callable[[], T]) -> T:
    """Run sync code that may use the database in a thread of our own pool; the scope travels."""
    run = database_sync_to_async(work, thread_sensitive=False, executor=_POOL)
    result: T = await run()
    return result


async def in_short_thread(work: Callable[[], T]) -> T:
    """The same for work of milliseconds that waits for nobody, such as a look into the cache."""
    run = database_sync_to_async(work, thread_sensitive=False, executor=_SHORT)
    result: T = await run()
    return result


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run async code from sync code. Refuses inside ``atomic``, where its queries would be outside."""
    if transaction.get_connection().in_atomic_block:
        work.close()
        msg = "run_async inside atomic: the coroutine's queries would be outside the transaction"
        raise RuntimeError(msg)

    async def runner() -> T:
        return await asyncio.ensure_future(work)

    return async_to_sync(runner)()
