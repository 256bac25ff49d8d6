"""Sign-ins under way, in the session of the browser that began them: nobody else can end them."""

import secrets
import time
from dataclasses import asdict

from django.http import HttpRequest

from apps.core.errors import AppError, ErrorCode
from apps.signon import shared
from apps.signon.kinds.base import Flow

_SLOT = "sign_on_flows"
MOST = 5
LONGEST_S = 15 * 60
KEPT_S = 120
MOST_POSTED = 256 * 1024


def begin(request: HttpRequest, slug: str, *, next_url: str = "", for_user: str = "") -> Flow:
    """A sign-in with values that nobody can guess."""
    flow = Flow(
        state=secrets.token_urlsafe(24),
        nonce=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(48),
        next=next_url,
        for_user=for_user,
    )
    kept = dict(list(request.session.get(_SLOT, {}).items())[-(MOST - 1) :])
    kept[flow.state] = {"slug": slug, "at": time.time(), "flow": asdict(flow)}
    request.session[_SLOT] = kept
    return flow


def taken(request: HttpRequest, slug: str, state: str) -> Flow:
    """The flow of this state, once, and only for the provider that it was begun with. Raises
    AppError SIGN_ON_EXPIRED."""
    kept = dict(request.session.get(_SLOT, {}))
    found = kept.pop(state, None)
    if found is not None:
        request.session[_SLOT] = kept
    if found is None or found["slug"] != slug or time.time() - found["at"] > LONGEST_S:
        raise AppError(ErrorCode.SIGN_ON_EXPIRED, status=400)
    return Flow(**found["flow"])


# --- answers that are posted ----------------------------------------------------------------------
def keep(request: HttpRequest) -> str:
    """Keep what was posted for a moment. Returns the name under which the browser asks for it."""
    posted = {
        name: str(request.POST[name])
        for name in ("SAMLResponse", "RelayState")
        if name in request.POST
    }
    if sum(map(len, posted.values())) > MOST_POSTED:
        raise AppError(ErrorCode.TOO_LARGE, status=413)
    token = secrets.token_urlsafe(24)
    shared.must_keep(f"sign-on:posted:{token}", posted, KEPT_S)
    return token


def kept(request: HttpRequest) -> dict[str, str]:
    """What was posted; empty when it is unknown or too old."""
    found = shared.found(f"sign-on:posted:{request.GET.get('kept', '')}")
    return dict(found) if isinstance(found, dict) else {}
