"""What a language model is given: rules, history, numbered sources, question, within a budget.

The order serves prompt caching, which on a processor without a GPU is most of the wait: first what
never changes, then what changes per workspace, then history, which only grows, and last sources
and question. Sources are data: nothing inside one can close it, open another, or speak as the
system.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from apps.rag.cite import without_marks
from apps.rag.condense import standalone
from apps.rag.language import Language, language_of
from apps.rag.ports import Passage, Speaker, Turn
from apps.rag.refusal import REFUSAL_EN, REFUSAL_ZH, is_refusal, refusal
from apps.rag.sentences import sentence_borders
from apps.rag.templates import TEMPLATES, Template
from apps.rag.titles import title_of
from apps.rag.tokens import HUNDRED, estimate_tokens, running_weights
from apps.rag.words import coverage

__all__ = [
    "REFUSAL_EN",
    "REFUSAL_ZH",
    "AnswerMode",
    "Prompt",
    "Source",
    "build",
    "is_refusal",
    "neutral",
    "refusal",
    "title_of",
]

# Shares of the budget, and what is left in any case (estimated tokens).
_HISTORY_SHARE = 4
_QUESTION_SHARE = 2
_LEAST_SOURCE = 96
_LEAST_QUESTION = 64
_LONGEST_REPLY = 120
_SOURCE_FRAME = 14
# The share of a question's words from which on a source is taken to speak of it.
_COVERED_FROM = 0.4
# The sources that are looked at for that: the right one is among them 99 times in 100 (XQuAD).
_BEST = 3

# Tags of this prompt and of the chat templates of known models (Qwen, Llama, Mistral, Gemma).
_TAG = re.compile(
    r"<(?=\s*/?\s*(?:sources?\b|system\b|think|s>|\||<\s*/?\s*SYS|SYS>|start_of_turn|end_of_turn|im_))",
    re.IGNORECASE,
)
_INSTRUCTION = re.compile(r"\[(?=/?INST\])")
# A number in brackets is a footnote of the document's own; kept, it would come back as a citation.
# Not what looks like code: ``a[1] = ``, ``a[1];``, ``a[1].b``.
_OWN_MARK = re.compile(r"[\[【［](\d{1,3}(?:\s?[,，、;–-]\s?\d{1,3})*)[\]】］](?!\s*=|;|\.\w|\()")
_IN_AN_ATTRIBUTE = str.maketrans({'"': "'", "<": "‹", ">": "›"})


class AnswerMode(StrEnum):
    """Whether an answer may go beyond the documents."""

    CHAT = "chat"
    DOCUMENTS_ONLY = "documents_only"


@dataclass(frozen=True, slots=True)
class Source:
    """A passage under its number. ``text`` is as much of ``passage.text`` as the model was shown."""

    number: int
    passage: Passage
    text: str


@dataclass(frozen=True, slots=True)
class Check:
    """A question to be answered with one of ``yes`` or of ``no`` (words in lower case)."""

    turns: tuple[Turn, ...]
    yes: frozenset[str]
    no: frozenset[str]


@dataclass(frozen=True, slots=True)
class Prompt:
    """Turns for a generator, the sources they show, and how many passages the budget left out.

    ``coverage``: how much of the question the best source speaks of (``apps.rag.words``), None where
    that cannot be told. ``check``: the same turns with the question whether the sources answer it.
    """

    turns: tuple[Turn, ...]
    sources: tuple[Source, ...]
    dropped: int
    coverage: float | None
    check: Check


def build(  # noqa: PLR0913 - each is named at the call, none belongs with another
    question: str,
    passages: Sequence[Passage],
    history: Sequence[Turn],
    *,
    mode: AnswerMode,
    budget_tokens: int,
    language: str = "",
    workspace_prompt: str = "",
    may_refuse: bool = True,
    exchange: Sequence[Turn] = (),
    has_tools: bool = False,
) -> Prompt:
    """The prompt for one question.

    ``passages`` are best first and are numbered in that order; those behind the first that does not
    fit are left out, the first one is cut at a sentence if it must be and always shown.
    ``budget_tokens`` counts everything here in estimated tokens; the answer comes on top. History
    gets at most a quarter of it, newest first, with marks taken out. ``language`` ("zh", "en") is
    that of the question where it is empty. ``may_refuse``: the model is told to say so where the
    sources do not answer; False where that is decided elsewhere (see ``apps.rag.evidence``).
    ``exchange``: calls of the asking program's tools with their results, that follow the question;
    they are data, and come whole and beside the budget. ``has_tools``: more may be called.
    """
    template = TEMPLATES[_language(question, language)]
    has_tools = has_tools or bool(exchange)
    system = _system(template, mode, workspace_prompt, may_refuse=may_refuse, has_tools=has_tools)
    asked = _shortened(question.strip(), max(_LEAST_QUESTION, budget_tokens // _QUESTION_SHARE))
    longest_closing = estimate_tokens(template.doubtful + asked)
    room = budget_tokens - estimate_tokens(system) - longest_closing
    kept = _recent(history, min(room, budget_tokens) // _HISTORY_SHARE)
    room -= sum(cost_of(turn) for turn in kept)
    sources = _sources(passages, room)
    told = "\n".join(_tagged(source) for source in sources) or template.no_sources
    covered = _coverage(sources, about=standalone(question, history))
    closing = (
        template.open if has_tools else _closing(template, mode, covered, may_refuse=may_refuse)
    )

    def ending_with(closing: str) -> tuple[Turn, ...]:
        last = f"{told}\n\n{closing.format(question=neutral(asked))}"
        return (Turn(Speaker.SYSTEM, system), *kept, Turn(Speaker.USER, last))

    return Prompt(
        turns=(*ending_with(closing), *map(_as_data, exchange)),
        sources=sources,
        dropped=len(passages) - len(sources),
        coverage=covered,
        check=Check(ending_with(template.check), template.yes, template.no),
    )


def cost_of(turn: Turn) -> int:
    """Estimated tokens of a turn with its calls."""
    return estimate_tokens(turn.text + "".join(call.name + call.arguments for call in turn.calls))


def neutral(text: str) -> str:
    """Text that cannot be taken for a tag of the prompt; as long as before, so offsets hold."""
    return _INSTRUCTION.sub("［", _TAG.sub("‹", text))


def _language(question: str, language: str) -> Language:
    if language:
        return "zh" if language.startswith("zh") else "en"
    return language_of(question)


def _system(
    template: Template,
    mode: AnswerMode,
    workspace_prompt: str,
    *,
    may_refuse: bool,
    has_tools: bool,
) -> str:
    rules = template.rules(mode, may_refuse=may_refuse)
    rules = f"{rules}\n{template.tools}" if has_tools else rules
    wishes = workspace_prompt.strip()
    return f"{rules}\n{template.wishes}\n{wishes}" if wishes else rules


def _closing(
    template: Template, mode: AnswerMode, coverage: float | None, *, may_refuse: bool
) -> str:
    """What follows the sources: strict where no source mentions what is asked about.

    Models refuse more readily the later they are told to. Where the words of question and sources
    cannot be compared, the rules alone have to do.
    """
    if mode is AnswerMode.CHAT:
        return template.open
    is_doubtful = may_refuse and coverage is not None and coverage < _COVERED_FROM
    return template.doubtful if is_doubtful else template.confident


def _coverage(sources: Sequence[Source], *, about: str) -> float | None:
    """The best source's share of the question; None as soon as one source cannot be compared."""
    shares = [coverage(about, _shown(source)) for source in sources[:_BEST]]
    known = [share for share in shares if share is not None]
    return max(known) if known and len(known) == len(shares) else None


def _shown(source: Source) -> str:
    return "\n".join((_title(source.passage), source.text))


def _recent(history: Sequence[Turn], budget: int) -> list[Turn]:
    """The newest questions with their answers that fit, oldest first; never half an exchange."""
    kept: list[Turn] = []
    exchange: list[Turn] = []
    for turn in reversed([turn for turn in history if turn.speaker is not Speaker.SYSTEM]):
        exchange.insert(0, _as_history(turn))
        if turn.speaker is not Speaker.USER:
            continue
        budget -= sum(cost_of(each) for each in exchange)
        if budget < 0:
            break
        kept = exchange + kept
        exchange = []
    return kept


def _as_history(turn: Turn) -> Turn:
    said = _as_data(turn)
    text = without_marks(turn.text) if turn.speaker is Speaker.ASSISTANT else said.text
    return replace(said, text=_shortened(text, _LONGEST_REPLY))


def _as_data(turn: Turn) -> Turn:
    """What a program sends along, so that nothing in it passes for a tag of the prompt."""
    calls = tuple(replace(call, arguments=neutral(call.arguments)) for call in turn.calls)
    return replace(turn, text=neutral(turn.text), calls=calls)


def _sources(passages: Sequence[Passage], budget: int) -> tuple[Source, ...]:
    sources: list[Source] = []
    for number, passage in enumerate(passages, start=1):
        frame = _SOURCE_FRAME + estimate_tokens(_title(passage))
        text = passage.text
        if number == 1:
            text = _shortened(text, max(_LEAST_SOURCE, budget - frame))
        cost = estimate_tokens(text) + frame
        if cost > budget and number > 1:
            break
        budget -= cost
        sources.append(Source(number, passage, text))
    return _widened(sources, budget)


def _widened(sources: Sequence[Source], budget: int) -> tuple[Source, ...]:
    """With what stands around the passages, best first, as far as the budget still goes: more of
    one passage never pushes another one out."""
    wide: list[Source] = []
    for source in sources:
        around = source.passage.around
        more = estimate_tokens(around) - estimate_tokens(source.text) if around else 0
        if 0 < more <= budget:
            budget -= more
            wide.append(Source(source.number, source.passage, around))
        else:
            wide.append(source)
    return tuple(wide)


def _tagged(source: Source) -> str:
    title = neutral(_title(source.passage)).translate(_IN_AN_ATTRIBUTE)
    text = _OWN_MARK.sub(r"(\1)", neutral(source.text))
    return f'<source n="{source.number}" title="{title}">\n{text}\n</source>'


def _title(passage: Passage) -> str:
    """Document and the two nearest titles, on one line."""
    path = (passage.document_name, *passage.headings[-2:])
    return " › ".join(" ".join(part.split())[:80] for part in path)


def _shortened(text: str, budget: int) -> str:
    """The text, or as many of its first sentences as the budget allows; one is cut if it must be."""
    if estimate_tokens(text) <= budget:
        return text
    fitting = 0
    for cost in running_weights(text):
        if cost > budget * HUNDRED:
            break
        fitting += 1
    borders = [border for border in sentence_borders(text[:fitting])[:-1] if border * 2 > fitting]
    return text[: borders[-1]].rstrip() if borders else text[:fitting].rstrip()
