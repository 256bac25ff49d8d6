"""Pages on which what somebody looks after goes to somebody else: by an administrator, by whoever
manages a workspace, and by oneself. They are one page; it says first what would happen."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from apps.accounts import queries, reauth
from apps.accounts.models import User
from apps.core.errors import AppError
from apps.core.pages import blame
from apps.permissions.pages import for_administrators
from apps.permissions.scope import current_scope
from apps.workspaces.handover import services
from apps.workspaces.handover.forms import HandOverForm, person
from apps.workspaces.handover.kinds import Field, Giver, kind_named
from apps.workspaces.handover.planning import Plan, plan
from apps.workspaces.models import Workspace

_page = require_http_methods(["GET", "HEAD", "POST"])


@dataclass(frozen=True)
class _Door:
    """Who gives, from where, and what the page says around it."""

    giver: Giver
    place: Field
    context: dict[str, Any]


@for_administrators
@never_cache
@_page
def of_person(request: HttpRequest, user: UUID) -> HttpResponse:
    """All that one person looks after."""
    giver = get_object_or_404(queries.people(), pk=user)
    door = _Door(Giver(giver), services.everywhere(), {"giver": giver, "here": "people"})
    return _handed(request, door)


@for_administrators
@never_cache
@_page
def without_owner(request: HttpRequest) -> HttpResponse:
    """All that nobody looks after any more."""
    context = {"is_ownerless": True, "here": "ownerless"}
    return _handed(request, _Door(Giver(None), services.everywhere(), context))


@never_cache
@_page
def of_workspace(request: HttpRequest, slug: str) -> HttpResponse:
    """What somebody, or nobody any more, looks after in one workspace."""
    workspace = get_object_or_404(Workspace, slug=slug)
    place = services.within(workspace)
    wanted = request.GET.get("from", "")
    giver = person(wanted)
    context = {
        "workspace": workspace,
        "owners": services.owners(place),
        "wanted": wanted,
        "giver": giver,
        "is_ownerless": not wanted,
        "here": "members",
    }
    if wanted and giver is None:
        context["refused"] = _("Nobody here has this address or login name.")
        return render(request, "workspaces/hand_over.html", context, status=404)
    return _handed(request, _Door(Giver(giver), place, context))


@never_cache
@_page
def of_mine(request: HttpRequest) -> HttpResponse:
    """What one looks after oneself."""
    me = get_object_or_404(User, pk=current_scope().actor_id)
    context = {"giver": me, "is_mine": True, "here": "profile"}
    return _handed(request, _Door(Giver(me), services.of_oneself(), context))


# --- the page -------------------------------------------------------------------------------------
def _handed(request: HttpRequest, door: _Door) -> HttpResponse:
    is_post = request.method == "POST"
    if is_post and not reauth.is_recent(request):
        return reauth.ask(request)
    said = request.POST if is_post else request.GET
    form = HandOverForm(said if is_post or "to" in said else None, giver=door.giver.user)
    if form.is_bound and form.is_valid() and is_post and _is_done(request, door, form):
        wanted = door.context.get("wanted")
        return redirect(f"{request.path}?{urlencode({'from': wanted})}" if wanted else request.path)
    heir = form.cleaned_data["to"] if form.is_bound and form.is_valid() else None
    gives_roles = bool(heir) and form.cleaned_data["gives_roles"]
    made = plan(giver=door.giver, heir=heir, place=door.place, gives_roles=gives_roles)
    context = {**door.context, "form": form, "heir": heir, "gives_roles": gives_roles}
    status = 422 if form.errors else 200
    page = "workspaces/hand_over.html"
    return render(request, page, {**context, "plan": made, "rooms": _rooms(made)}, status=status)


def _is_done(request: HttpRequest, door: _Door, form: HandOverForm) -> bool:
    """Hand over the lines that were chosen; what refuses it stands on the form then."""
    chosen = frozenset(request.POST.getlist("line"))
    try:
        outcome = services.hand_over(
            giver=door.giver,
            heir=form.cleaned_data["to"],
            place=door.place,
            gives_roles=form.cleaned_data["gives_roles"],
            only=chosen,
        )
    except AppError as error:
        words = {
            "same": _("It is theirs already."),
            "heir": _("Nobody here has this address or login name."),
        }
        blame(form, error, words)
        return False
    if not outcome.total:
        messages.info(request, _("Nothing went over."))
        return True
    count = {"n": outcome.total, "name": form.cleaned_data["to"]}
    sentence = ngettext(
        "%(n)s thing went over to %(name)s.", "%(n)s things went over to %(name)s.", outcome.total
    )
    messages.success(request, sentence % count)
    return True


def _rooms(made: Plan) -> list[dict[str, Any]]:
    """Lines by workspace, with their kind in words."""
    lines = [(line, kind_named(line.kind).one) for line in made.lines]
    by_room = groupby(lines, key=lambda each: (each[0].workspace_id, each[0].workspace))
    return [{"name": name, "lines": list(rows)} for (_pk, name), rows in by_room]
