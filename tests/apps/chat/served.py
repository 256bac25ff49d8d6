"""A web process as it is run, with fake engines and a model that talks slowly.

Prints one line of JSON (port, cookie, API key) when it listens. Not a test: a test starts it.
"""

# ruff: noqa: E402 - models can be imported once Django is set up

import asyncio
import json
import os
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "kb_platform.settings"

import django

django.setup()

import uvicorn
from django.conf import settings
from django.core.management import call_command

from apps.accounts.models import User
from apps.accounts.sessions.store import SessionStore
from apps.engines import factory
from apps.rag.ports import Delta
from kb_platform.asgi import application
from tests import factories

WORDS = 600
# With it the model talks at once, and alice may administer.
IS_QUICK = "--quick" in sys.argv


async def _slowly(turns: object, *, max_tokens: int) -> object:
    for number in range(WORDS):
        await asyncio.sleep(0.02)
        yield Delta(f"word{number} ")


def _cookie(user: User) -> str:
    session = SessionStore()
    session["_auth_user_id"] = str(user.pk)
    session["_auth_user_backend"] = settings.AUTHENTICATION_BACKENDS[0]
    session["_auth_user_hash"] = user.get_session_auth_hash()
    session.create()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def _set_up() -> tuple[User, str]:
    call_command("migrate", verbosity=0)
    user = factories.make_user("alice", is_administrator=IS_QUICK)
    workspace = factories.make_workspace("Leases", manager=user)
    collection = factories.make_collection(workspace, "Contracts")
    factories.make_document(collection, "lease.pdf", texts=["The notice period is ninety days."])
    return user, factories.make_api_key(user)[1]


async def _serve(cookie: str, key: str) -> None:
    server = uvicorn.Server(
        uvicorn.Config(
            application, port=0, log_level="warning", lifespan="on", ws="websockets-sansio"
        )
    )

    async def announce() -> None:
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        told = {"port": port, "cookie": cookie, "key": key}
        print(json.dumps(told), flush=True)  # noqa: T201 - its output

    await asyncio.gather(server.serve(), announce())


if __name__ == "__main__":
    person, key = (User.objects.get(), "") if "--second" in sys.argv else _set_up()
    if not IS_QUICK:
        factory.fakes().generator.stream = _slowly  # type: ignore[assignment,method-assign]
    asyncio.run(_serve(_cookie(person), key))
