"""Model servers that ``engine serve`` enters and takes out: one row for each replica."""

import secrets
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from apps.core.sealing import unseal
from apps.engines import services
from apps.engines.models import Endpoint
from apps.engines.vllm.service import Service
from apps.permissions.scope import system_scope

# Room for the rules and the instructions that stand before the sources.
_RULES_TOKENS = 512
_WAKE_S = 600


@dataclass(frozen=True, slots=True)
class Registration:
    """The rows of one service. They stay when it stops, out of use, with what was set on them."""

    service: Service
    wants_use: bool = False

    def name_of(self, replica: int) -> str:
        """What the row of a replica is called; the first is called as the model."""
        return f"{self.service.name} {replica + 1}" if replica else self.service.name

    def key(self) -> str:
        """The key of all replicas: that of an earlier run where there is one."""
        with system_scope("engine serve: its replicas are model servers"):
            row = self._rows().exclude(sealed_key="").first()
        return unseal(row.sealed_key) if row else secrets.token_urlsafe(32)

    def point(self, replica: int, base_url: str, key: str) -> None:
        """Enter the replica, or say that it answers somewhere else now. It is put to use where no
        server of the page is, where that was asked for, and beside another replica that is."""
        with system_scope("engine serve: its replicas are model servers"), transaction.atomic():
            row = self._rows().filter(name=self.name_of(replica)).first()
            if row is None or (row.base_url, row.model) != (f"{base_url}/v1", self.service.name):
                row = self._save(row, replica, base_url, key)
            if row.is_active:
                return
            used = Endpoint.objects.filter(kind=Endpoint.Kind.CHAT, is_active=True)
            if used.filter(name__in=self._names(), is_beside=False).exists():
                services.use_beside(endpoint=row)
            elif self.wants_use or not used.exists():
                services.set_active(endpoint=row)

    def withdraw(self, replica: int) -> None:
        """Take the replica out of use."""
        with system_scope("engine serve: its replicas are model servers"), transaction.atomic():
            row = self._rows().filter(name=self.name_of(replica), is_active=True).first()
            if row is not None:
                services.set_active(endpoint=row, is_active=False)

    def _save(self, row: Endpoint | None, replica: int, base_url: str, key: str) -> Endpoint:
        answer = min(settings.LLM_MAX_TOKENS, self.service.plan.context // 4)
        room = max(256, self.service.plan.context - answer - _RULES_TOKENS)
        first = {"context_tokens": room, "max_tokens": answer}
        if self.service.quiet:  # whoever wakes it waits for its start
            first["first_token_s"] = _WAKE_S
        return services.save_endpoint(
            kind=Endpoint.Kind.CHAT,
            endpoint=row,
            api_key=key,
            name=self.name_of(replica),
            base_url=f"{base_url}/v1",
            model=self.service.name,
            **(first if row is None else {}),  # what was set on a row stays
        )

    def _names(self) -> list[str]:
        return [self.name_of(replica) for replica in range(self.service.plan.replicas)]

    def _rows(self) -> QuerySet[Endpoint]:
        return Endpoint.objects.filter(kind=Endpoint.Kind.CHAT, name__in=self._names())
