"""Password sign-in by e-mail or login name. A directory becomes another backend beside this one."""

from typing import Any
from uuid import UUID

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from apps.accounts import second_factor
from apps.accounts.models import User


class EmailOrLoginBackend(BaseBackend):
    """Finds the active person of an e-mail address or login name and checks the password."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        if not username or not password:
            return None
        user = _named(username.strip())
        if user is None or user.is_application or not user.has_usable_password():
            return None
        if request is not None:
            request.has_hashed = True  # type: ignore[attr-defined]
        return user if user.check_password(password) and user.is_active else None

    def get_user(self, user_id: UUID) -> User | None:
        """The person of a session; None (signed out) as soon as the account is deactivated."""
        rows = second_factor.people()
        return rows.filter(pk=user_id, is_active=True, is_application=False).first()


class EqualTime(BaseBackend):
    """Comes last and lets nobody in: where no password of ours was looked at, it takes as long as
    that would have, so that time does not tell which accounts exist here. Whom a directory has let
    in before does not wait for it."""

    def authenticate(
        self, request: HttpRequest | None, password: str | None = None, **kwargs: Any
    ) -> None:
        if password and not getattr(request, "has_hashed", False):
            make_password(password)


def _named(username: str) -> User | None:
    if "@" in username:
        return User.objects.filter(email__iexact=username).first()
    return User.objects.filter(login__iexact=username).exclude(login="").first()
