"""What is left of an engine's own speed when people ask through the whole product.

    python -m bench.engine --engine http://127.0.0.1:8100/v1 --model answers [--people 18] [--rounds 3]

An installation of its own is started on an empty folder, paragraphs of XQuAD are uploaded, and in
each round so many people ask at once. The very requests that the product sent are then sent to the
engine directly, while the installation stays up beside it; each round has a salt of its own, so that
neither finds the other's prompts in the prefix cache. ENGINE_KEY is the engine's key. It asks any
OpenAI-compatible engine, on a CPU or on GPUs.
"""

import json
import os
import random
import statistics
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from bench.client import Client, arguments, figure, note, room
from bench.data import xquad
from bench.instance import instance
from bench.metrics import percentile
from bench.recorder import Recorder

PATIENCE_S = 1800
T = TypeVar("T")


@dataclass(frozen=True)
class Heard:
    """One answer: seconds to its first token and to its end, tokens as the engine counted them."""

    first_s: float
    took_s: float
    read: int
    written: int


def main() -> None:
    given = _arguments()
    key = os.environ.get("ENGINE_KEY", "")
    with Recorder(given.engine, key) as recorder:
        os.environ["KB_LLM_BASE_URL"] = recorder.base_url
        os.environ["KB_LLM_MODEL"], os.environ["KB_LLM_MAX_TOKENS"] = given.model, str(given.tokens)
        os.environ["KB_LLM_CONTEXT_TOKENS"] = str(given.context)
        with (
            instance() as own,
            Client(own.url, own.key) as client,
            room(client, "Bench engine", keep=True, mode="documents_only") as workspace,
        ):
            _rounds(client, workspace, recorder, given, key)


def _arguments() -> Namespace:
    parser = arguments("An engine through the product, and alone")
    parser.add_argument("--engine", required=True, help="address of the engine, with /v1")
    parser.add_argument("--model", default="answers")
    parser.add_argument("--people", type=int, default=18, help="who ask at once")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--paragraphs", type=int, default=120)
    parser.add_argument("--context", type=int, default=0, help="tokens of sources; 0: the usual")
    parser.add_argument("--tokens", type=int, default=200, help="longest answer")
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def _rounds(
    client: Client, workspace: dict[str, Any], recorder: Recorder, given: Namespace, key: str
) -> None:
    questions = _uploaded(client, workspace, given)
    shares, through, alone = [], [], []
    # Both are slower the first time; nobody counts that.
    _at_once(questions[-2:], lambda each: _ask_product(client, workspace["slug"], each))
    for number in range(given.rounds):
        recorder.begin(f"product {number} {given.seed}")
        some = questions[number * given.people :][: given.people]
        product = _at_once(some, lambda each: _ask_product(client, workspace["slug"], each))
        _refuse_failures(product[0])
        sent = recorder.taken()
        salt = f"alone {number} {given.seed}"
        direct = _at_once(sent, lambda body, salt=salt: _ask_engine(given.engine, key, body, salt))
        shares.append(_rate(product) / _rate(direct))
        through += product[0]
        alone += direct[0]
        note(f"round {number + 1}: {_rate(product):.1f} and {_rate(direct):.1f} tokens/s")
        figure("engine", "round_share", shares[-1], round=number + 1, people=len(some))
    _report("product", through)
    _report("engine", alone)
    figure("engine", "share_of_own_rate", statistics.median(shares), rounds=given.rounds)


def _refuse_failures(heard: Sequence[Heard]) -> None:
    """Answers that were given up make a rate that means nothing."""
    failed = sum(not each.written for each in heard)
    if failed:
        msg = f"{failed} of {len(heard)} answers failed: ask fewer --people, or less --context"
        raise SystemExit(msg)


def _uploaded(client: Client, workspace: dict[str, Any], given: Namespace) -> list[str]:
    questions = xquad("en")
    names = sorted(questions.documents)[: given.paragraphs]
    collection = client.collection(workspace, "paragraphs")
    client.upload_texts(collection, {name: questions.documents[name] for name in names})
    client.wait(collection)
    pool = [each.text for each in questions.questions if each.relevant <= set(names)]
    return random.Random(given.seed).sample(pool, min(len(pool), given.people * given.rounds + 2))


def _at_once(asked: Sequence[T], ask: Callable[[T], Heard]) -> tuple[list[Heard], float]:
    """What came, and how long it took in all."""
    started = time.perf_counter()
    with ThreadPoolExecutor(len(asked)) as people:
        heard = list(people.map(ask, asked))
    return heard, time.perf_counter() - started


def _rate(heard: tuple[list[Heard], float]) -> float:
    return sum(each.written for each in heard[0]) / heard[1]


def _ask_product(client: Client, slug: str, question: str) -> Heard:
    body = {
        "model": f"footnote/{slug}",
        "messages": [{"role": "user", "content": question}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    url = str(client.http.base_url.join("/v1/chat/completions"))
    return _heard(url, client.http.headers["Authorization"], body)


def _ask_engine(engine: str, key: str, body: dict[str, Any], salt: str) -> Heard:
    url = f"{engine.rstrip('/')}/chat/completions"
    return _heard(url, f"Bearer {key}", {**body, "cache_salt": salt})


def _heard(url: str, authorization: str, body: dict[str, Any]) -> Heard:
    started = time.perf_counter()
    first = 0.0
    usage: dict[str, int] = {}
    headers = {"Authorization": authorization}
    with httpx.stream(
        "POST", url, json=body, headers=headers, timeout=PATIENCE_S, trust_env=False
    ) as answer:
        if answer.is_error:
            msg = f"{url}: {answer.status_code} {answer.read()[:300]!r}"
            raise SystemExit(msg)
        for line in answer.iter_lines():
            if not line.startswith("data: {"):
                continue
            piece = json.loads(line.removeprefix("data: "))
            said = [choice["delta"].get("content") for choice in piece.get("choices", ())]
            if any(said):
                first = first or time.perf_counter() - started
            usage = piece.get("usage") or usage
    took = time.perf_counter() - started
    return Heard(
        first or took, took, usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
    )


def _report(who: str, heard: Sequence[Heard]) -> None:
    written = [each for each in heard if each.written > 1 and each.took_s > each.first_s]
    rates = [(each.written - 1) / (each.took_s - each.first_s) for each in written]
    for p in (50, 95):
        figure("engine", f"first_token_s_p{p}", percentile([h.first_s for h in heard], p), of=who)
    figure("engine", "tokens_per_s_each_p50", percentile(rates, 50) if rates else 0, of=who)
    figure("engine", "prompt_tokens", statistics.mean(h.read for h in heard), of=who)
    figure("engine", "answer_tokens", statistics.mean(h.written for h in heard), of=who)


if __name__ == "__main__":
    main()
