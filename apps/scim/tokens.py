"""Tokens of the systems that tell of people: one belongs to one source, and reaches no other."""

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.events import services as events
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.scim.models import Provisioning, ProvisioningToken

PREFIX = "fns_"
OVERLAP = timedelta(days=7)
_SHOWN = 10
# A token in use writes its time at most this often.
_USED_EVERY = timedelta(minutes=1)


def _digest(plain: str) -> str:
    """How tokens are stored: they are random and long, so a plain hash is enough."""
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def _valid() -> Q:
    return Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=timezone.now()))


def provisioning_of(plain: str) -> Provisioning | None:
    """Whose token this is, if it works and its source is on."""
    if not plain.startswith(PREFIX):
        return None
    rows = ProvisioningToken.objects.select_related(
        "provisioning__source", "provisioning__successor"
    )
    token = rows.filter(_valid(), token_sha256=_digest(plain), provisioning__is_on=True).first()
    if token is None:
        return None
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > _USED_EVERY:
        ProvisioningToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token.provisioning


@transaction.atomic
def make(*, provisioning: Provisioning) -> tuple[ProvisioningToken, str]:
    """(row, plain token). The plain token is shown once. Older ones end after a week, so that
    nothing has to change at one moment."""
    current_scope().require(Permission.ADMINISTER)
    ends = timezone.now() + OVERLAP
    older = provisioning.tokens.filter(_valid())
    older.filter(Q(expires_at=None) | Q(expires_at__gt=ends)).update(expires_at=ends)
    plain = PREFIX + secrets.token_urlsafe(32)
    token = ProvisioningToken.objects.create(
        provisioning=provisioning, prefix=plain[:_SHOWN], token_sha256=_digest(plain)
    )
    events.record("scim.token_made", token, name=str(provisioning), prefix=token.prefix)
    return token, plain


@transaction.atomic
def revoke(*, token: ProvisioningToken) -> None:
    """It stops working with the next call."""
    current_scope().require(Permission.ADMINISTER)
    token.revoked_at = token.revoked_at or timezone.now()
    token.save(update_fields=["revoked_at"])
    events.record("scim.token_revoked", token, name=str(token.provisioning), prefix=token.prefix)


def working(provisioning: Provisioning) -> list[ProvisioningToken]:
    return list(provisioning.tokens.filter(_valid()))
