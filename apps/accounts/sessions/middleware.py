"""Notes when, where and with what a session was last used: at most once a minute."""

from datetime import timedelta

from django.http import HttpRequest
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin

from apps.accounts.models import BrowserSession

_EVERY = timedelta(minutes=1)


class LastUseMiddleware(MiddlewareMixin):
    """Stands after authentication, which has read the session's row."""

    def process_request(self, request: HttpRequest) -> None:
        if not request.user.is_authenticated:
            return
        row = getattr(request.session, "row", None)
        now = timezone.now()
        if row is None or (row.agent and now - row.last_used_at < _EVERY):
            return
        BrowserSession.objects.filter(pk=row.pk).update(
            last_used_at=now,
            agent=request.headers.get("User-Agent", "?")[:300] or "?",
            address=request.META.get("REMOTE_ADDR") or None,
        )
