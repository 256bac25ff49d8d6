"""As whom a source acts."""

import time
from dataclasses import replace

from apps.core.errors import AppError, ErrorCode
from apps.core.leases import LeaseLost
from apps.permissions.scope import Scope
from apps.sources.models import Source
from apps.workspaces.scopes import scope_of

# Rights are looked up again this often while a run is at work.
RIGHTS_HOLD_S = 2.0


class Actor:
    """Whose rights a source acts with, looked up again and again."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._scope: Scope | None = None
        self._until = 0.0

    def scope(self) -> Scope:
        """Raises AppError SOURCE_OWNER when the owner may not write there any more."""
        now = time.monotonic()
        if self._scope is None or now >= self._until:
            self._scope, self._until = self._resolved(), now + RIGHTS_HOLD_S
        return self._scope

    def _resolved(self) -> Scope:
        source = Source.objects.select_related("owner").filter(pk=self._source.pk).first()
        if source is None:
            raise LeaseLost
        collection = source.collection_id
        if source.owner is not None:
            scope = scope_of(source.owner).narrowed([collection])
            if scope.may_write(collection):
                return replace(scope, is_unattended=True)
        raise AppError(ErrorCode.SOURCE_OWNER, status=403)
