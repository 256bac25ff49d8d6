"""Citations that a model forgot or misplaced, put right where there is no doubt.

Small models often answer from a source without writing its number, or write the wrong one. Run once
at the end of an answer, on words and figures alone (see ``apps.rag.check``).
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from apps.rag.check import shown_text, supported
from apps.rag.claims import Claim, claims_of
from apps.rag.language import cjk_share
from apps.rag.prompt import Source
from apps.rag.refusal import is_refusal
from apps.rag.words import figures_of, words_of

THRESHOLD = 0.6
# A mark is moved only away from sources that hold less of its sentence than this.
_HARDLY = 0.25
# Two sources nearer than this say the same; then the question, then their rank decides.
_TIE = 0.1
_TOO_FEW_WORDS = 2
# Fewer letters may stand anywhere by chance.
_SHORTEST_QUOTE = 4
_NOT_LETTERS = re.compile(r"[\W_]+")
_END = re.compile(r"[\s。．.!！；;…]*[”’」』）)\"']*\s*$")
_ASKS_OR_ANNOUNCES = ("?", "？", ":", "：")

# (start, end, what to put there), in the order of the text.
_Edit = tuple[int, int, str]


def settle_citations(
    text: str, sources: Sequence[Source], *, question: str = "", threshold: float = THRESHOLD
) -> str:
    """The answer with wrong marks moved and missing ones added; see the two functions below."""
    moved = move_wrong_citations(text, sources, question=question, threshold=threshold)
    return add_missing_citations(moved, sources, question=question, threshold=threshold)


def add_missing_citations(
    text: str, sources: Sequence[Source], *, question: str = "", threshold: float = THRESHOLD
) -> str:
    """The answer with ``[n]`` put at the end of sentences that plainly come from one source.

    ``text`` has its marks in the form ``[n]``; lines that carry one, rows of tables, code,
    headings, questions and refusals stay as they are. ``threshold`` is the least share of a
    sentence's words and figures that its source must hold (see ``supported``); a sentence of one
    or two words needs all of them. Neighbouring sentences from one source share one mark.
    """
    if is_refusal(text) or not sources:
        return text
    edits: list[_Edit] = []
    for _, line in groupby(claims_of(text), key=lambda claim: claim.line):
        claims = list(line)
        if not any(claim.numbers for claim in claims) and not _is_row(text, claims[0]):
            edits += _additions(text, claims, sources, question, threshold)
    return _edited(text, edits)


def _is_row(text: str, claim: Claim) -> bool:
    """A line of a table: a mark behind its last border would break the table."""
    return text[text.rfind("\n", 0, claim.start) + 1 :].lstrip().startswith("|")


def move_wrong_citations(
    text: str, sources: Sequence[Source], *, question: str = "", threshold: float = THRESHOLD
) -> str:
    """The answer with marks moved from sources that do not hold a sentence to the one that does.

    Only where another source says the sentence word for word and no cited one does, or where the
    cited ones together hold less than a quarter of it and another holds it as
    ``add_missing_citations`` demands. Its other marks go.
    """
    edits: list[_Edit] = []
    for claim in claims_of(text):
        right = _better_source(claim, sources, question=question, threshold=threshold)
        if right is not None:
            first, *others = claim.marks
            edits.append((*first, f"[{right}]"))
            edits += ((*mark, "") for mark in others)
    return _edited(text, edits)


def _better_source(
    claim: Claim, sources: Sequence[Source], *, question: str, threshold: float
) -> int | None:
    """Where the marks of a claim belong, None where they may stay."""
    cited = "\n".join(shown_text(each) for each in sources if each.number in claim.numbers)
    if not claim.numbers or _quotes(claim.text, cited):
        return None
    others = [source for source in sources if source.number not in claim.numbers]
    verbatim = [source for source in others if _quotes(claim.text, shown_text(source))]
    if verbatim:
        return verbatim[0].number
    if supported(claim.text, cited) >= _HARDLY:
        return None
    return best_source(claim.text, others, question=question, threshold=threshold)


def _quotes(claim: str, text: str) -> bool:
    """Whether a text holds a claim word for word, but for case, space and punctuation."""
    letters = _letters(claim)
    return len(letters) >= _SHORTEST_QUOTE and letters in _letters(text)


def _letters(text: str) -> str:
    return _NOT_LETTERS.sub("", text).casefold()


def best_source(
    claim: str, sources: Sequence[Source], *, question: str, threshold: float
) -> int | None:
    """The number of the source that a sentence comes from, None where there is none."""
    words = len(words_of(claim)) + len(figures_of(claim))
    if words == 0:
        return None
    least = 1.0 if words <= _TOO_FEW_WORDS else threshold
    scores = [(supported(claim, shown_text(source)), source) for source in sources]
    best = max((score for score, _ in scores), default=0.0)
    if best < least:
        return None
    equal = [source for score, source in scores if score >= max(least, best - _TIE)]
    return max(
        equal,
        key=lambda source: (round(supported(question, shown_text(source)), 1), -source.number),
    ).number


def _additions(
    text: str, claims: Sequence[Claim], sources: Sequence[Source], question: str, threshold: float
) -> Iterator[_Edit]:
    """A mark at the end of each run of claims that come from one source."""
    found = [
        (claim.end, best_source(claim.text, sources, question=question, threshold=threshold))
        for claim in claims
        if not claim.text.endswith(_ASKS_OR_ANNOUNCES)
    ]
    for number, run in groupby(found, key=lambda pair: pair[1]):
        if number is not None:
            yield _mark_before(text, list(run)[-1][0], number)


def _mark_before(text: str, end: int, number: int) -> _Edit:
    """The mark before the sentence's last punctuation, after a space where the script has spaces."""
    found = _END.search(text, 0, end)
    at = found.start() if found else end
    space = "" if cjk_share(text[max(0, at - 1) : at]) > 0 else " "
    return at, at, f"{space}[{number}]"


def _edited(text: str, edits: Sequence[_Edit]) -> str:
    for start, end, instead in reversed(edits):
        text = text[:start] + instead + text[end:]
    return text
