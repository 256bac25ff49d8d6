"""What may come in is known before anything is sent."""

from collections.abc import Callable
from typing import Any

from django.test import Client

from apps.accounts.models import User
from apps.workspaces.models import Collection

SignIn = Callable[[User], Client]


def test_the_api_tells_sizes_and_formats(client_of: SignIn, carol: User, settings: Any) -> None:
    told = client_of(carol).get("/api/v1/limits").json()
    assert told["file_bytes"] == settings.UPLOAD_MAX_BYTES
    assert told["has_room"] is True
    suffixes = {suffix for each in told["formats"] for suffix in each["suffixes"]}
    assert {"pdf", "docx", "eml"} <= suffixes


def test_the_page_tells_them_to_whoever_may_add(
    client_of: SignIn, alice: User, bob: User, collection: Collection, settings: Any
) -> None:
    settings.UPLOAD_MAX_BYTES = 321 * 1024 * 1024
    page = client_of(alice).get(f"/k/{collection.pk}/").content.decode()
    assert "up to 321 MB a file" in page
    assert ".docx" in page
    assert f'data-pieces="/api/v1/collections/{collection.pk}/uploads"' in page
    assert "a file</summary>" not in client_of(bob).get(f"/k/{collection.pk}/").content.decode()
