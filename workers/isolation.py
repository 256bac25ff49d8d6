"""The task of the nightly proof."""

import contextlib

from apps.core.errors import AppError
from apps.isolation.jobs import PROVE
from apps.isolation.prove import prove
from workers.tasks import task


@task(PROVE, reason="prove that nobody gets what they may not see")
def prove_isolation() -> None:
    """Plant secrets, ask for them as people without rights, write down what came back."""
    with contextlib.suppress(AppError):  # another one is at work
        prove()
