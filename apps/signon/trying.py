"""Trying a provider before people meet it: step by step, without a person."""

from collections.abc import Mapping
from typing import Any

from apps.core.errors import AppError
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.signon.kinds import KINDS
from apps.signon.kinds.base import Named
from apps.signon.models import SignOnProvider
from apps.signon.services import validated
from apps.sources.trying import Step


def tried(
    *, kind: str, slug: str, values: Mapping[str, Any], provider: SignOnProvider | None = None
) -> list[Step]:
    """What happens with these settings, until the first step that fails. Nothing is stored.
    Raises AppError BAD_REQUEST with ``fields`` when they are not understood."""
    current_scope().require(Permission.ADMINISTER)
    settings, secrets = validated(kind, values, provider=provider)
    steps: list[Step] = []
    for words, act in KINDS[kind](Named(slug or "new", settings, secrets)).trials():
        try:
            steps.append(Step(str(words), act()))
        except AppError as error:
            reason = str(error.details.get("reason", ""))
            steps.append(Step(str(words), code=str(error.code), reason=reason))
            break
    return steps
