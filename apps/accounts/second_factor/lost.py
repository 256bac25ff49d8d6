"""The telephone is gone: an administrator makes a link, and with it and the password one begins anew.

The link alone opens nothing, and neither does the password: between the two no moment passes in
which one of them would do.
"""

from django.db import transaction

from apps.accounts import services
from apps.accounts.models import OneTimeLink, User
from apps.accounts.second_factor import factors
from apps.accounts.sessions import services as sessions
from apps.core.errors import AppError, ErrorCode
from apps.events import services as events
from apps.permissions.roles import Permission
from apps.permissions.scope import Scope, current_scope, entered


@transaction.atomic
def link(*, user: User) -> str:
    """The path of a link with which this person gives up their second factors. Older links end."""
    current_scope().require(Permission.ADMINISTER)
    events.record("second_factor.reset_link", user)
    return services.one_time_link(OneTimeLink.Purpose.FACTOR, user)


@transaction.atomic
def give_up(*, token: str, user: User) -> None:
    """Use the link: every factor and session of this person ends. Whoever calls has checked who
    they are. Raises AppError NOT_FOUND for a link that is used, old or another's."""
    found = services.open_link(token, OneTimeLink.Purpose.FACTOR)
    if found is None or found.user_id != user.pk or not services.use_up(found):
        raise AppError(ErrorCode.NOT_FOUND, status=404)
    factors.forget_all(user=user)
    with entered(Scope(actor_id=user.pk)):
        sessions.end_sessions(user=user)
        events.record("second_factor.reset", user)
