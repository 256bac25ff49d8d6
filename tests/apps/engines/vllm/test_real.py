"""The plan against a real vLLM: what it logs at its start is what was calculated.

FOOTNOTE_VLLM names its program, FOOTNOTE_VLLM_MODEL a folder with ``config.json`` and a tokenizer.
"""

import os
import re
from pathlib import Path

import pytest

from apps.engines.vllm.plan import Wanted
from apps.engines.vllm.service import planned
from tests.apps.engines.vllm.serving import ask, serving

_PROGRAM = os.environ.get("FOOTNOTE_VLLM", "")
_FOLDER = os.environ.get("FOOTNOTE_VLLM_MODEL", "")
_LOGGED = re.compile(r"KV cache size: ([\d,]+) tokens")

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not (_PROGRAM and _FOLDER), reason="FOOTNOTE_VLLM and FOOTNOTE_VLLM_MODEL name no vLLM"
    ),
]


@pytest.mark.parametrize("tp", [1, 2])
def test_vllm_logs_the_tokens_that_were_planned_and_answers(tmp_path: Path, tp: int) -> None:
    words = ("--gpus", "cpu", "--tp", str(tp), "--context", "2048", "--load-format", "dummy")
    wanted = Wanted(tp=tp, context=2048)
    plan = planned(Path(_FOLDER), "cpu", wanted, load_format="dummy")
    with serving(tmp_path, *words, model=Path(_FOLDER), KB_VLLM=_PROGRAM) as it:
        it.until_said(": up", patience_s=300)
        assert ask(it.door(), tokens=3).json()["choices"][0]["message"]["content"] is not None
        log = (tmp_path / "data" / "logs" / "engine-answers-1.log").read_text(encoding="utf-8")
    logged = _LOGGED.search(log)
    assert logged
    assert int(logged[1].replace(",", "")) == plan.cache_tokens
