"""Reads of rules and runs, in words."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.directory.mapping import gift_of, names_of
from apps.directory.models import DirectoryRun, IdentitySource, MappingRule

KINDS: dict[str, tuple[str | Promise, str]] = {
    "leaves": (_("leaves"), "bad"),
    "loses": (_("loses"), "bad"),
    "gains": (_("gets"), "good"),
    "joins": (_("is prepared"), "good"),
    "returns": (_("comes back"), "good"),
    "renamed": (_("has another name"), ""),
    "clashes": (_("has the address of a local account"), "wait"),
    "unkeyed": (_("has no unmistakable identifier"), "wait"),
}


def line_words(run: DirectoryRun) -> list[dict[str, Any]]:
    """Lines of a run with the words and the colour of their kind."""
    blank = ("", "")
    return [
        {
            **line,
            "words": KINDS.get(line["kind"], blank)[0],
            "colour": KINDS.get(line["kind"], blank)[1],
        }
        for line in run.lines
    ]


def rules_with_words(source: IdentitySource) -> list[tuple[MappingRule, str]]:
    """(rule, what it gives) of a source."""
    rules = list(MappingRule.objects.filter(source=source))
    gifts = {rule: gift_of(rule) for rule in rules}
    names = names_of(set(gifts.values()))
    return [(rule, names[gift]) for rule, gift in gifts.items()]
