"""Attempts that were refused, as events: keys that do not work, and administration for others.

Once in a while each, and so many in all: whoever tries a thousand keys fills no disk.
"""

import hashlib

from django.http import HttpRequest

from apps.accounts.models import CANARY_DOMAIN
from apps.core import limits
from apps.core.origin import came_from
from apps.events import services as events
from apps.permissions.roles import Permission
from apps.permissions.scope import NOBODY, current_scope, entered
from apps.workspaces.resolvers import name_of_key

# One key from one address is told of once in an hour.
SAME_KEY = "1/hour"
KEYS_OF_ONE_ADDRESS = "20/hour"
SAME_DOOR = "1/hour"
DOORS_OF_ONE_PERSON = "30/hour"
_OF_ALL = "2000/hour"


def key(plain: str, *, address: str, code: str) -> None:
    """A key was shown that is wrong, has ended, or may not be used like this. The key itself is
    written nowhere; one that was good once is named."""
    digest = hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    if not is_listed((SAME_KEY, digest, address), (KEYS_OF_ONE_ADDRESS, address)):
        return
    name = name_of_key(plain)
    if name.endswith(
        f"@{CANARY_DOMAIN})"
    ):  # the nightly proof shows keys that have ended, on purpose
        return
    with came_from(address), entered(NOBODY):
        events.record("key.refused", name=name, code=code)


def door(request: HttpRequest, permission: Permission) -> None:
    """Somebody who is known asked for what is for administrators or managers."""
    scope = current_scope()
    who, match = str(scope.actor_id), request.resolver_match
    view = match.view_name if match else ""
    if scope.actor_id and is_listed((SAME_DOOR, who, view), (DOORS_OF_ONE_PERSON, who)):
        events.record("access.denied", name=view, needs=permission.value)


def is_listed(*rates: tuple[str, ...]) -> bool:
    """Whether one more may be written down; counts it."""
    for rate, *who in (*rates, (_OF_ALL,)):
        allowance = limits.hit(rate, "listed refusals", *who)
        if allowance is not None and not allowance.is_allowed:
            return False
    return True
