"""One-time codes of an authenticator app (RFC 6238): six digits, thirty seconds, each taken once."""

import base64
import secrets
from urllib.parse import quote, urlencode

import segno
from django.db import transaction
from django.utils import timezone
from django_otp.oath import TOTP

from apps.accounts.models import Authenticator, User
from apps.core import sealing
from apps.core.errors import AppError, ErrorCode
from apps.events import services as events

_ISSUER = "Footnote"
_DIGITS = 6
# A clock may be off by one step; NIST allows for that.
_TOLERANCE = 1


def new_secret() -> str:
    """20 random bytes in the letters that people can type into an app."""
    return base64.b32encode(secrets.token_bytes(20)).decode("ascii")


def address_of(secret: str, user: User) -> str:
    """What the QR code says."""
    label = quote(f"{_ISSUER}:{user.email}")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': _ISSUER})}"


def picture_of(secret: str, user: User) -> str:
    """The QR code as a data address of an SVG, black on white in both themes."""
    return str(segno.make(address_of(secret, user), error="m").svg_data_uri(scale=5, light="#fff"))


def step_of(secret: str, code: str, *, after: int = 0) -> int | None:
    """The time step that ``code`` belongs to now, if it is a later one than ``after``."""
    digits = code.replace(" ", "")
    if len(digits) != _DIGITS or not (digits.isascii() and digits.isdecimal()):
        return None
    totp = TOTP(base64.b32decode(secret), digits=_DIGITS)
    if not totp.verify(int(digits), tolerance=_TOLERANCE, min_t=after + 1):
        return None
    return int(totp.t())


@transaction.atomic
def add(*, user: User, secret: str, code: str) -> Authenticator:
    """Keep this app for this person, who has just read ``code`` from it. It takes the place of an
    earlier one. Raises AppError BAD_REQUEST for a wrong code."""
    step = step_of(secret, code)
    if step is None:
        raise AppError(ErrorCode.BAD_REQUEST, field="code")
    Authenticator.objects.filter(owner=user).delete()
    made = Authenticator.objects.create(
        owner=user, sealed_secret=sealing.seal(secret), last_step=step
    )
    events.record("second_factor.added", user, by="totp")
    return made


def take(*, user: User, code: str) -> bool:
    """Whether ``code`` is right now and was not taken before. It is then used up."""
    app = Authenticator.objects.filter(owner=user).first()
    if app is None:
        return False
    step = step_of(sealing.unseal(app.sealed_secret), code, after=app.last_step)
    if step is None:
        return False
    # One conditional UPDATE decides who of two at the same time was first.
    rows = Authenticator.objects.filter(pk=app.pk, last_step__lt=step)
    return bool(rows.update(last_step=step, last_used_at=timezone.now()))


@transaction.atomic
def remove(*, user: User) -> None:
    """Forget the app of this person."""
    if Authenticator.objects.filter(owner=user).delete()[0]:
        events.record("second_factor.removed", user, by="totp")
