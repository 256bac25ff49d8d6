"""Public question sets, read from BENCH_DATA or from ../shared/data beside the checkout."""

import csv
import io
import json
import os
import re
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_WHERE = {
    "article_html": "github.com/scrapinghub/article-extraction-benchmark (ground-truth.json, html/)",
    "tika_docs": "github.com/apache/tika (test files in files/, expected strings in expect.json)",
    "icdar2013_tables": "github.com/tabulapdf/tabula-java (ICDAR 2013: *.pdf with *-str.xml)",
    "xquad": "github.com/google-deepmind/xquad (xquad.en.json, xquad.zh.json)",
    "cmrc2018": "github.com/ymcui/cmrc2018 (cmrc2018_dev.json)",
    "mtrag_un": "github.com/IBM/mt-rag-benchmark (reference.jsonl.gz)",
    "scifact": "github.com/allenai/scifact (as scifact.zip with corpus_train.csv)",
    "sec10q": "sec.gov (10-Q reports as PDF, in docs/)",
}


@dataclass(frozen=True)
class Question:
    id: str
    text: str
    relevant: frozenset[str]
    answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class QuestionSet:
    """Documents by name, and questions with the names of the documents that answer them."""

    documents: dict[str, str]
    questions: tuple[Question, ...]


def folder(name: str) -> Path:
    """The folder of one set; ends the program with a sentence when it is not there."""
    beside = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    path = Path(os.environ.get("BENCH_DATA", beside)) / name
    if not path.is_dir():
        print(
            f"No data: set BENCH_DATA to a folder with {name}/ from {_WHERE[name]}.",
            file=sys.stderr,
        )
        raise SystemExit(2)
    return path


def xquad(language: str) -> QuestionSet:
    """Paragraphs of XQuAD in ``en`` or ``zh``; the n-th is the same in both."""
    path = folder("xquad") / f"xquad.{language}.json"
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
    documents, questions = {}, []
    for number, paragraph in enumerate(paragraphs):
        name = f"{language}{number:03}"
        documents[name] = paragraph["context"]
        questions += [_squad_question(asked, name) for asked in paragraph["qas"]]
    return QuestionSet(documents, tuple(questions))


def _squad_question(asked: dict[str, Any], name: str) -> Question:
    answers = tuple(dict.fromkeys(answer["text"] for answer in asked["answers"]))
    return Question(str(asked["id"]), asked["question"], frozenset({name}), answers)


def scifact() -> QuestionSet:
    """Claims against abstracts: the test split that BEIR uses."""
    csv.field_size_limit(10**9)
    with zipfile.ZipFile(folder("scifact") / "scifact.zip") as archive:
        documents = {
            row["doc_id"]: f"{row['title']} {_abstract(row['abstract'])}"
            for row in _rows(archive, "corpus_train.csv")
        }
        claims: dict[str, str] = {}
        cited: dict[str, set[str]] = {}
        for row in _rows(archive, "claims_validation.csv"):
            claims[row["id"]] = row["claim"]
            cited.setdefault(row["id"], set()).update(re.findall(r"\d+", row["cited_doc_ids"]))
    questions = [Question(name, text, frozenset(cited[name])) for name, text in claims.items()]
    return QuestionSet(documents, tuple(questions))


def _rows(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    with archive.open(name) as file:
        return list(csv.DictReader(io.TextIOWrapper(file, "utf-8")))


def _abstract(printed: str) -> str:
    """Sentences of a printed array of strings, joined."""
    quoted = re.findall(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", printed)
    return " ".join(each[1:-1].replace("\\'", "'") for each in quoted) or printed


def sec10q() -> list[Path]:
    return sorted((folder("sec10q") / "docs").glob("*.pdf"))


def mixed(asked: str, answered: str) -> QuestionSet:
    """A library in two languages: every other paragraph of XQuAD in Chinese, the rest in English.
    The questions are those in ``asked`` whose paragraph is there in ``answered``."""
    sets = {language: xquad(language) for language in ("zh", "en")}

    def language_of(number: str) -> str:
        return "zh" if int(number) % 2 == 0 else "en"

    documents = {
        name: text
        for language, each in sets.items()
        for name, text in each.documents.items()
        if language_of(name[2:]) == language
    }
    questions = []
    for question in sets[asked].questions:
        number = next(iter(question.relevant))[2:]
        if language_of(number) == answered:
            relevant = frozenset({f"{answered}{number}"})
            questions.append(Question(question.id, question.text, relevant))
    return QuestionSet(documents, tuple(questions))


def load(name: str) -> QuestionSet:
    """``scifact``, ``xquad-zh``, ``xquad-en``, or ``mixed-zh-en``: asked in zh, answered in en."""
    kind, *languages = name.split("-")
    match kind:
        case "scifact":
            return scifact()
        case "mixed":
            return mixed(*languages)
        case _:
            return xquad(*languages)
