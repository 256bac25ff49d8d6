"""What a person could prove themselves with, and the end of all of it when it was lost."""

from dataclasses import dataclass

from django.db import transaction

from apps.accounts import second_factor
from apps.accounts.models import Authenticator, Passkey, User
from apps.accounts.second_factor import passkeys, recovery, totp
from apps.core.errors import AppError, ErrorCode
from apps.permissions.scope import Scope, entered


@dataclass(frozen=True, slots=True)
class Factors:
    """The second factors of one person."""

    app: Authenticator | None
    passkeys: tuple[Passkey, ...]
    codes_left: int

    @property
    def count(self) -> int:
        return len(self.passkeys) + (self.app is not None)


def of(user: User) -> Factors:
    """Read as that person: also before they are signed in."""
    with entered(Scope(actor_id=user.pk)):
        return Factors(
            app=Authenticator.objects.filter(owner=user).first(),
            passkeys=tuple(Passkey.objects.filter(owner=user)),
            codes_left=recovery.left(user),
        )


def take_code(*, user: User, code: str) -> str | None:
    """``totp`` or ``recovery`` when ``code`` is right, and it is used up; else None."""
    with entered(Scope(actor_id=user.pk)):
        if totp.take(user=user, code=code):
            return "totp"
        return "recovery" if recovery.take(user=user, code=code) else None


@transaction.atomic
def remove_app(*, user: User) -> None:
    """Raises AppError CONFLICT when it is the last factor of somebody who needs one."""
    _keep_one(user)
    totp.remove(user=user)
    _forget_codes(user)


@transaction.atomic
def remove_passkey(*, key: Passkey) -> None:
    """Raises AppError CONFLICT when it is the last factor of somebody who needs one."""
    owner = key.owner
    _keep_one(owner)
    passkeys.remove(key=key)
    _forget_codes(owner)


def _keep_one(user: User) -> None:
    if second_factor.needs(user) and of(user).count <= 1:
        raise AppError(ErrorCode.CONFLICT, status=409, reason="last_factor")


def _forget_codes(user: User) -> None:
    """Codes stand in for a factor; without one they would only be a weaker door."""
    if of(user).count == 0:
        recovery.remove(user=user)


@transaction.atomic
def forget_all(*, user: User) -> None:
    """No factor of this person is left; they prove themselves by other means."""
    with entered(Scope(actor_id=user.pk)):
        totp.remove(user=user)
        recovery.remove(user=user)
        for key in Passkey.objects.filter(owner=user).select_related("owner"):
            passkeys.remove(key=key)
