"""The question sets, where they are at hand."""

import os
from pathlib import Path

import pytest

from bench import data
from bench.answer import chosen

_FOLDER = Path(
    os.environ.get("BENCH_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")
)
here = pytest.mark.skipif(not _FOLDER.is_dir(), reason="BENCH_DATA names no folder of data")


def test_without_data_a_bench_ends_with_a_sentence(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        data.xquad("en")
    assert ended.value.code == 2
    assert "BENCH_DATA" in capsys.readouterr().err


@here
def test_both_languages_of_xquad_say_the_same_in_the_same_order():
    chinese, english = data.xquad("zh"), data.xquad("en")
    assert len(chinese.documents) == len(english.documents) == 240
    assert [q.id for q in chinese.questions] == [q.id for q in english.questions]


@here
def test_every_claim_of_scifact_names_abstracts_that_are_there():
    claims = data.scifact()
    assert (len(claims.documents), len(claims.questions)) == (5183, 300)
    assert all(question.relevant <= set(claims.documents) for question in claims.questions)


@here
def test_unanswerable_questions_are_about_paragraphs_that_are_held_back():
    cases, kept = chosen(n=20, seed=3)
    uploaded = {name for documents in kept.values() for name in documents}
    assert len(cases) == 40
    assert all((case.document in uploaded) is case.is_answerable for case in cases)
    assert sum(case.language == "zh" for case in cases) == 20


@here
def test_the_same_seed_asks_the_same_questions():
    assert chosen(n=5, seed=1)[0] == chosen(n=5, seed=1)[0]
    assert chosen(n=5, seed=1)[0] != chosen(n=5, seed=2)[0]
