"""How good and how fast answers are.

python -m bench.answer --key fn_… [--n 100] [--seed 7] [--out answers.jsonl]

Paragraphs of XQuAD are uploaded in Chinese and English, some are held back: ``n`` questions about
uploaded ones have an answer, ``n`` about held-back ones have none. Half of each is Chinese. The
workspace is of documents only. ``--out`` keeps every question with its answer, to read.
"""

import json
import random
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.client import Client, arguments, figure, note, room
from bench.data import Question, xquad
from bench.metrics import contains_gold, percentile, share

LANGUAGES = ("zh", "en")
HELD_BACK = 0.3


@dataclass
class Case:
    """One question and what came of it."""

    language: str
    question: str
    gold: tuple[str, ...]
    document: str
    is_answerable: bool
    answer: str = ""
    refused: bool = False
    found: bool = False
    cited: tuple[str, ...] = ()
    error: str = ""
    evidence_ms: float = 0
    first_word_ms: float = 0
    words_per_s: float = 0
    took_ms: float = 0

    @property
    def has_gold(self) -> bool:
        return contains_gold(self.answer, self.gold)

    @property
    def cites_right(self) -> bool:
        return self.document in self.cited


def main() -> None:
    parser = arguments("Answers")
    parser.add_argument("--n", type=int, default=100, help="questions with, and without, an answer")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, help="file for every question with its answer")
    given = parser.parse_args()
    cases, kept = chosen(n=given.n, seed=given.seed)
    with Client(given.url, given.key) as client:
        mode = {"mode": "documents_only"}
        with room(client, "Bench answer", keep=given.keep, **mode) as workspace:
            _run(client, workspace, cases, kept, given)
    _report(cases)


def chosen(*, n: int, seed: int) -> tuple[list[Case], dict[str, dict[str, str]]]:
    """The questions, and per language the paragraphs to upload."""
    dice = random.Random(seed)
    sets = {language: xquad(language) for language in LANGUAGES}
    numbers = sorted(name[2:] for name in sets["en"].documents)
    # The n-th paragraph says the same in both languages: it is held back in both.
    held = set(dice.sample(numbers, round(len(numbers) * HELD_BACK)))
    cases: list[Case] = []
    for language, questions in sets.items():
        half = n // 2 + (n % 2 if language == LANGUAGES[0] else 0)
        for is_answerable in (True, False):
            pool = [q for q in questions.questions if (_number(q) not in held) is is_answerable]
            cases += [_case(q, language, is_answerable) for q in dice.sample(pool, half)]
    dice.shuffle(cases)
    kept = {
        language: {name: text for name, text in each.documents.items() if name[2:] not in held}
        for language, each in sets.items()
    }
    return cases, kept


def _number(question: Question) -> str:
    return next(iter(question.relevant))[2:]


def _case(question: Question, language: str, is_answerable: bool) -> Case:  # noqa: FBT001 - a label
    (document,) = question.relevant
    return Case(language, question.text, question.answers, document, is_answerable)


def _run(
    client: Client,
    workspace: dict[str, Any],
    cases: Sequence[Case],
    kept: dict[str, dict[str, str]],
    given: Namespace,
) -> None:
    collections: dict[str, str] = {}
    names: dict[str, str] = {}
    for language, documents in kept.items():
        collections[language] = client.collection(workspace, language)
        names |= client.upload_texts(collections[language], documents)
    for collection in collections.values():
        client.wait(collection)
    for number, case in enumerate(cases, start=1):
        ask(client, case, names, workspace=workspace["slug"], collection=collections[case.language])
        note(f"{number}/{len(cases)} {_mark(case)} {case.question[:50]} → {case.answer[:70]!r}")
        if given.out:
            with given.out.open("a", encoding="utf-8") as file:
                print(json.dumps(asdict(case), ensure_ascii=False), file=file)


def ask(
    client: Client, case: Case, names: dict[str, str], *, workspace: str, collection: str
) -> None:
    """Ask one question and fill in what came."""
    started = time.perf_counter()

    def elapsed() -> float:
        return (time.perf_counter() - started) * 1000

    sources: dict[int, str] = {}
    where = {"workspaces": [workspace], "collections": [collection]}
    deltas = 0
    with client.asked(case.question, **where) as frames:
        for frame in frames:
            match frame["type"]:
                case "sources":
                    case.evidence_ms = elapsed()
                    sources = {s["number"]: names[s["document"]] for s in frame["sources"]}
                case "delta" if frame["kind"] == "text":
                    case.first_word_ms = case.first_word_ms or elapsed()
                    deltas += 1
                case "done":
                    case.answer, case.refused = frame["text"], frame["refused"]
                    case.cited = tuple(sources[number] for number in frame["cited"])
                case "error":
                    case.error = frame["code"]
                case _:
                    pass
    case.took_ms = elapsed()
    case.found = case.document in sources.values()
    spoken_s = (case.took_ms - case.first_word_ms) / 1000
    case.words_per_s = deltas / spoken_s if spoken_s > 0 and deltas > 1 else 0


def _mark(case: Case) -> str:
    if not case.is_answerable:
        return "refused " if case.refused else "ANSWERED"
    gold = "gold" if case.has_gold else "----"
    return f"{gold} {'cite' if case.cites_right else '----'}{' refused' if case.refused else ''}"


def _report(cases: Sequence[Case]) -> None:
    for language in ("", *LANGUAGES):
        some = [case for case in cases if language in ("", case.language)]
        have = [case for case in some if case.is_answerable]
        without = [case for case in some if not case.is_answerable]
        details = {"language": language or "all", "questions": len(have)}
        figure("answer", "gold_share", share([case.has_gold for case in have]), **details)
        figure("answer", "cited_share", share([case.cites_right for case in have]), **details)
        figure("answer", "found_share", share([case.found for case in have]), **details)
        figure("answer", "wrongly_refused", share([case.refused for case in have]), **details)
        details["questions"] = len(without)
        figure("answer", "refused_share", share([case.refused for case in without]), **details)
    figure("answer", "errors", sum(bool(case.error) for case in cases))
    spoken = [case for case in cases if case.first_word_ms]
    for name in ("evidence_ms", "first_word_ms", "words_per_s", "took_ms"):
        values = [getattr(case, name) for case in (cases if name == "evidence_ms" else spoken)]
        for p in (50, 95):
            figure("answer", f"{name}_p{p}", percentile(values, p))


if __name__ == "__main__":
    main()
