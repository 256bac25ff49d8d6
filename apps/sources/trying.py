"""Trying a source before it is saved: step by step, up to the names of its first entries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError
from apps.sources.connectors import KINDS
from apps.sources.models import Source
from apps.sources.services import require_manager, validated
from apps.workspaces.models import Collection


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a test: what it was, and what was found or why it stopped there."""

    words: str
    found: str = ""
    code: str = ""
    reason: str = ""

    @property
    def is_passed(self) -> bool:
        return not self.code


def tried(
    *,
    collection: Collection,
    kind: str,
    values: Mapping[str, Any],
    source: Source | None = None,
) -> list[Step]:
    """What happens with these settings, until the first step that fails. Nothing is stored.
    Raises AppError BAD_REQUEST with ``fields`` when they are not understood."""
    require_manager(collection)
    settings, secrets = validated(kind, values, source=source)
    connector = KINDS[kind](settings, secrets)
    steps: list[Step] = []
    try:
        trials = [*connector.trials(), (_("It can be listed"), connector.first_entries)]
        for words, act in trials:
            try:
                steps.append(Step(str(words), act()))
            except AppError as error:
                reason = str(error.details.get("reason", ""))
                steps.append(Step(str(words), code=str(error.code), reason=reason))
                break
    finally:
        connector.close()
    return steps
