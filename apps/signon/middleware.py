"""Keeps hold of sessions that began at a provider."""

from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

from apps.signon.models import SignOnSession
from apps.signon.views import KEY


class SignOnMiddleware(MiddlewareMixin):
    """Django gives a session a new key now and then, after a new password for example. What would
    end it has to find it under that."""

    def process_request(self, request: HttpRequest) -> None:
        known, now = request.session.get(KEY), request.session.session_key
        if known and now and known != now:
            SignOnSession.objects.filter(session_key=known).update(session_key=now)
            request.session[KEY] = now
