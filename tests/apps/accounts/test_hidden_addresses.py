"""Nobody gets an address that hides their account from lists and from the audit."""

from collections.abc import Callable

import pytest
from django.test import Client

from apps.accounts import services
from apps.accounts.models import CANARY_DOMAIN, User
from apps.core.errors import AppError
from apps.events import chain
from apps.events.models import Event
from apps.permissions.roles import KeyScope
from apps.permissions.scope import entered, system_scope
from apps.workspaces import refusals
from apps.workspaces.scopes import scope_of
from tests import factories

SPELLINGS = [f"x@{CANARY_DOMAIN}", f"X@{CANARY_DOMAIN.upper()}", f" x@{CANARY_DOMAIN} "]


@pytest.mark.parametrize("email", SPELLINGS)
def test_no_account_is_made_with_it(email: str, admin: User) -> None:
    with entered(scope_of(admin)), pytest.raises(AppError) as refused:
        services.create_user(email=email)
    assert refused.value.details == {"field": "email", "reason": "reserved"}
    User.objects.update(is_administrator=False)
    with pytest.raises(AppError):
        services.ensure_administrator(email=email, password=factories.PASSWORD)


def test_the_page_of_people_says_why(admin: User, client_of: Callable[[User], Client]) -> None:
    answer = client_of(admin).post("/administration/people/add", {"email": SPELLINGS[0]})
    assert answer.status_code == 400
    assert "kept for a test of the installation" in answer.content.decode()


def test_no_account_changes_to_it(alice: User) -> None:
    alice.email = SPELLINGS[1]
    with pytest.raises(AppError):
        alice.save(update_fields=["email"])


def test_a_key_is_not_hidden_by_its_own_name(alice: User) -> None:
    with entered(scope_of(alice)):
        key, plain = services.create_api_key(owner=alice, name=CANARY_DOMAIN, scope=KeyScope.ASK)
        services.revoke_api_key(key=key)
    refusals.key(plain, address="203.0.113.9", code="INVALID_KEY")
    assert Event.objects.filter(kind="key.refused").exists()
    with system_scope("test: a worker"):
        assert chain.waiting().filter(kind="key.refused").exists()
