"""Where Django keeps sessions: a table that knows whose each is and when it was last used."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from apps.accounts.models import BrowserSession


def is_over(session: BrowserSession) -> bool:
    """Too old, however busy; or unused for too long."""
    now = timezone.now()
    oldest = now - timedelta(seconds=settings.SESSION_COOKIE_AGE)
    return session.created_at < oldest or session.last_used_at < now - settings.SESSION_IDLE


class SessionStore(DatabaseStore):
    """A session whose row is gone or over is nobody's from the next request, frame or job on."""

    row: BrowserSession | None = None

    # The private pair is where Django reads a row; its stubs do not know them.
    @classmethod
    def get_model_class(cls) -> type[BrowserSession]:
        return BrowserSession

    def _get_session_from_db(self) -> BrowserSession | None:
        row: BrowserSession | None = super()._get_session_from_db()  # type: ignore[misc]
        if row is not None and is_over(row):
            row.delete()
            self._session_key = None
            row = None
        self.row = row
        return row

    async def _aget_session_from_db(self) -> BrowserSession | None:
        row: BrowserSession | None = await super()._aget_session_from_db()  # type: ignore[misc]
        if row is not None and is_over(row):
            await row.adelete()
            self._session_key = None
            row = None
        self.row = row
        return row

    def renew(self) -> None:
        """Give the session a new token. It stays the same one: its age, its place in the list, and
        the sockets that it opened."""
        new = self._get_new_session_key()  # type: ignore[attr-defined]
        rows = BrowserSession.objects.filter(session_key=self.session_key or "")
        if rows.update(session_key=new):
            self._session_key = new
            self.modified = True

    def create_model_instance(self, data: dict[str, Any]) -> BrowserSession:
        made = super().create_model_instance(data)
        assert isinstance(made, BrowserSession)  # noqa: S101 - see get_model_class
        made.user_id = data.get("_auth_user_id")
        return made
