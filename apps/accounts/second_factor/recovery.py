"""Codes on paper for the day the telephone is lost: ten, each of which works once."""

import base64
import secrets

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import RecoveryCode, User
from apps.events import services as events

_COUNT = 10
_HALF = 6
_HINT = 2


@transaction.atomic
def make(*, user: User) -> list[str]:
    """New codes, shown this once; older ones stop working."""
    RecoveryCode.objects.filter(owner=user).delete()
    plain = [_new() for _number in range(_COUNT)]
    for code in plain:
        RecoveryCode.objects.create(
            owner=user, hint=code[:_HINT], code_hash=make_password(_letters(code))
        )
    events.record("second_factor.codes_made", user)
    return plain


def left(user: User) -> int:
    """How many of this person's codes still work."""
    return RecoveryCode.objects.filter(owner=user, used_at=None).count()


def take(*, user: User, code: str) -> bool:
    """Whether ``code`` is one of this person's that was not used. It is then used up."""
    letters = _letters(code)
    if len(letters) != 2 * _HALF:
        return False
    rows = RecoveryCode.objects.filter(owner=user, hint=letters[:_HINT], used_at=None)
    for row in rows:
        if check_password(letters, row.code_hash):
            mine = RecoveryCode.objects.filter(pk=row.pk, used_at=None)
            return bool(mine.update(used_at=timezone.now()))
    return False


@transaction.atomic
def remove(*, user: User) -> None:
    RecoveryCode.objects.filter(owner=user).delete()


def _new() -> str:
    """60 random bits in letters that are hard to mistake, in two halves."""
    text = base64.b32encode(secrets.token_bytes(8)).decode("ascii").lower()
    return f"{text[:_HALF]}-{text[_HALF : 2 * _HALF]}"


def _letters(code: str) -> str:
    return "".join(code.split()).replace("-", "").lower()
