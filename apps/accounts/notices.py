"""A person is told what changed on their account: on their own page, and by mail where there is one.

Whoever takes an account over changes its password or adds a factor; its owner should hear of that
by a way that the other cannot reach.
"""

import logging
from smtplib import SMTPException
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from apps.accounts.jobs import TELL
from apps.accounts.models import User
from apps.core import limits
from apps.core.jobs import send_later
from apps.events import services as events
from apps.events.models import Event
from apps.events.sentences import details, sentence_of

log = logging.getLogger(__name__)
# Changes that a person is written a mail about.
TOLD = frozenset(
    {
        "person.password_changed",
        "second_factor.added",
        "second_factor.codes_made",
        "second_factor.removed",
        "second_factor.reset",
        "sign_in.locked",
        "sign_on.linked",
        "sign_on.unlinked",
    }
)
_SHOWN = TOLD | {"sign_in.done", "sign_in.failed", "sign_in.left", "person.sessions_ended"}
_MOST_SHOWN = 20
_LOCKS_TOLD = "1/hour"
# Seconds until the next try of a mail that could not be sent.
_AGAIN = (60, 600, 3600)


def recent(user: User) -> QuerySet[Event]:
    """What happened lately to this person's account, newest first."""
    rows = Event.objects.filter(object_type="user", object_id=user.pk, kind__in=_SHOWN)
    return rows.order_by("-id")[:_MOST_SHOWN]


def _recorded(event: Event) -> None:
    is_told = settings.EMAIL_HOST and event.kind in TOLD and event.object_type == "user"
    if is_told and not _is_too_much(event):
        TELL.enqueue(event_id=str(event.pk), tries=0)


def _is_too_much(event: Event) -> bool:
    """Of what strangers can cause, one mail an hour."""
    if event.kind != "sign_in.locked":
        return False
    allowance = limits.hit(_LOCKS_TOLD, "mails about locks", str(event.object_id))
    return allowance is not None and not allowance.is_allowed


def tell(event_id: UUID, *, tries: int) -> None:
    """Send the mail about this event. A server that is away is asked again, three times."""
    event = Event.objects.filter(pk=event_id).first()
    if event is None or event.object_id is None:
        return
    user = User.objects.filter(pk=event.object_id, is_active=True).first()
    if user is None or user.email.endswith(".invalid"):
        return
    with translation.override(user.language or settings.LANGUAGE_CODE):
        subject, body = _words(event)
    try:
        send_mail(subject, body, settings.DEFAULT_FROM_EMAIL, [user.email])
    except (OSError, SMTPException) as error:
        log.warning("mail about %s not sent: %s", event.kind, type(error).__name__)
        if tries < len(_AGAIN):
            send_later(TELL, countdown=_AGAIN[tries], event_id=str(event_id), tries=tries + 1)


def _words(event: Event) -> tuple[str, str]:
    sentence = sentence_of(event.kind)
    at = timezone.localtime(event.created_at).strftime("%Y-%m-%d %H:%M %Z")
    lines = [
        f"{sentence}. {details(event.data)}".strip(),
        _("When: %(at)s") % {"at": at},
        _("From: %(address)s") % {"address": event.address} if event.address else "",
        "",
        _("If this was not you, change your password and end the other sessions at once:"),
        f"{settings.PUBLIC_URL}{reverse('accounts:security')}",
    ]
    subject = _("Your account at %(site)s: %(what)s")
    return subject % {"site": "Footnote", "what": sentence}, "\n".join(lines)


events.recorded.connect(_recorded)
