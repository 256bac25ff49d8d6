"""How good search is: nDCG@10 by document on public question sets.

python -m bench.retrieval --key fn_… [--sets xquad-zh,xquad-en,scifact,mixed-zh-en] [--limit N]

``mixed-zh-en`` is a library in both languages, asked in Chinese about what is there in English.
"""

import time
from argparse import Namespace
from collections.abc import Mapping

from bench.client import Client, arguments, figure, note, room
from bench.data import Question, load
from bench.metrics import distinct, mean_ndcg, percentile, recall, share

SETS = ("xquad-zh", "xquad-en", "scifact")
# Passages asked for, so that ten documents are among them.
HITS = 50
K = 10


def main() -> None:
    parser = arguments("Retrieval quality")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--limit", type=int, default=0, help="questions per set; 0: all")
    parser.add_argument("--hits", type=int, default=HITS, help="passages per question")
    given = parser.parse_args()
    sets = {name: load(name) for name in given.sets.split(",")}
    with Client(given.url, given.key) as client:
        for name, questions in sets.items():
            with room(client, f"Bench {name}", keep=given.keep) as workspace:
                collection = client.collection(workspace, name)
                started = time.perf_counter()
                ids = client.upload_texts(collection, questions.documents)
                client.wait(collection)
                note(f"{name}: {len(ids)} documents in {time.perf_counter() - started:.0f} s")
                asked = questions.questions[: given.limit or None]
                _measure(client, name, collection, ids, asked, given)


def _measure(
    client: Client,
    name: str,
    collection: str,
    ids: Mapping[str, str],
    questions: tuple[Question, ...],
    given: Namespace,
) -> None:
    runs: dict[str, list[str]] = {}
    took: list[float] = []
    for question in questions:
        started = time.perf_counter()
        hits = client.search(question.text, collections=[collection], limit=given.hits)
        took.append((time.perf_counter() - started) * 1000)
        runs[question.id] = distinct([ids[hit["document"]["id"]] for hit in hits])
    gold = {question.id: question.relevant for question in questions}
    details = {"set": name, "questions": len(questions), "documents": len(ids)}
    figure("retrieval", "ndcg@10", mean_ndcg(runs, gold, K), **details)
    found = [recall(runs[key], relevant, K) for key, relevant in gold.items()]
    figure("retrieval", "recall@10", share(found), **details)
    figure("retrieval", "search_ms_p50", percentile(took, 50), **details)
    figure("retrieval", "search_ms_p95", percentile(took, 95), **details)


if __name__ == "__main__":
    main()
