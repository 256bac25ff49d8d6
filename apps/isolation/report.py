"""A proof as one page of text, for docs and for whoever keeps the report."""

from collections import defaultdict

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.isolation.models import Proof

# Names are stored in English, as entries and visitors call themselves.
_NAMES = (
    gettext_noop("search, by meaning and words"),
    gettext_noop("search, by meaning"),
    gettext_noop("search, by words"),
    gettext_noop("find"),
    gettext_noop("search page"),
    gettext_noop("list of documents"),
    gettext_noop("audit"),
    gettext_noop("audit as CSV"),
    gettext_noop("chat"),
    gettext_noop("chat, short form"),
    gettext_noop("chat socket"),
    gettext_noop("/v1 chat"),
    gettext_noop("/v1 chat, streamed"),
    gettext_noop("/v1 vector store search"),
    gettext_noop("/v1 search of one's own vector store"),
    gettext_noop("MCP search"),
    gettext_noop("MCP fetch of a document"),
    gettext_noop("MCP fetch of a passage"),
    gettext_noop("MCP ask"),
    gettext_noop("lists, counts and exports"),
    gettext_noop("addresses of a hidden thing"),
    gettext_noop("stored answer after the right has ended"),
    gettext_noop("viewer of one collection"),
    gettext_noop("member without a grant"),
    gettext_noop("manager of another department"),
    gettext_noop("stranger"),
    gettext_noop("not signed in"),
    gettext_noop("key for read of a viewer"),
    gettext_noop("key for ask of a viewer"),
    gettext_noop("key for write of a viewer"),
    gettext_noop("key for all of a viewer"),
    gettext_noop("application on behalf of a viewer of one collection"),
    gettext_noop("application on behalf of a member without a grant"),
    gettext_noop("application on behalf of a manager of another department"),
    gettext_noop("application on behalf of a stranger"),
    gettext_noop("application without the grant that its viewer has"),
    gettext_noop("application for itself"),
    gettext_noop("auditor"),
    gettext_noop("words of a hidden document"),
    gettext_noop("name of a hidden collection"),
    gettext_noop("name of a hidden workspace"),
    gettext_noop("id of a hidden thing"),
    gettext_noop("one more hidden document changes it"),
    gettext_noop("more was found than may be read, and dropped before it was shown"),
    gettext_noop("another answer than for what is not there"),
)


def _named(name: str) -> str:
    return _(name) if name in _NAMES else name


def by_entry(proof: Proof) -> list[tuple[str, int, int]]:
    """(entry, questions, leaks), all visitors together."""
    asked: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in proof.entries:
        asked[row["entry"]][0] += int(row["questions"])
        asked[row["entry"]][1] += int(row["leaks"])
    return [(_named(entry), numbers[0], numbers[1]) for entry, numbers in asked.items()]


def by_visitor(proof: Proof) -> list[tuple[str, int, int]]:
    """(visitor, questions, leaks), all entries together."""
    asked: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in proof.entries:
        asked[row["visitor"]][0] += int(row["questions"])
        asked[row["visitor"]][1] += int(row["leaks"])
    return [(_named(visitor), numbers[0], numbers[1]) for visitor, numbers in asked.items()]


def leaks(proof: Proof) -> list[tuple[str, str, str, str]]:
    """(entry, visitor, what came back, where) of every leak."""
    return [
        (_named(each["entry"]), _named(each["visitor"]), _named(each["kind"]), each["where"])
        for each in proof.leaks
    ]


def blind(proof: Proof) -> list[tuple[str, str]]:
    """(entry, asked as) of what showed nothing to who may read."""
    return [(_named(entry), _named(visitor)) for entry, visitor in proof.blind]


def as_markdown(proof: Proof) -> str:
    """The report in the active language."""
    result = _("No leak was found.") if proof.is_clean else _("This proof did not pass.")
    lines = [
        f"# {_('Proof of isolation')}",
        "",
        f"{proof.created_at:%Y-%m-%d %H:%M} UTC · "
        + _("%(questions)s questions by people without the right, %(leaks)s leaks, %(took)s s.")
        % {
            "questions": proof.questions,
            "leaks": len(proof.leaks),
            "took": round(proof.took_ms / 1000),
        },
        "",
        f"**{result}**" + (f" {_(proof.error)}" if proof.error else ""),
        "",
        *_table(_("Asked through"), by_entry(proof)),
        "",
        *_table(_("Asked as"), by_visitor(proof)),
    ]
    if proof.leaks:
        lines += ["", f"## {_('Leaks')}", ""]
        lines += [f"- {' · '.join(each)}" for each in leaks(proof)]
    if proof.blind:
        lines += ["", f"## {_('Shown nothing, though they may read')}", ""]
        lines += [f"- {' · '.join(each)}" for each in blind(proof)]
    return "\n".join(lines) + "\n"


def _table(name: str, rows: list[tuple[str, int, int]]) -> list[str]:
    head = [f"| {name} | {_('Questions')} | {_('Leaks')} |", "|---|---:|---:|"]
    return [*head, *(f"| {what} | {asked} | {leaks} |" for what, asked, leaks in rows)]
