"""How fast files become searchable, and how much of the embedder's own rate is left.

python -m bench.ingest [--limit 480] [--pdfs 1] [--together 1 20] [--mixed 0]
    [--hosts 1] [--key fn_… --model-host http://127.0.0.1:8011]

Without a key it starts an instance of its own, and says what each part took of the processors. With
``--hosts 2`` another worker host helps it: a supervisor with a folder of its own.
"""

import os
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from operator import itemgetter
from typing import Any

import httpx

from bench.client import Client, arguments, figure, note, room
from bench.data import load, sec10q
from bench.hosts import differences, require_services, worker_host
from bench.instance import instance
from bench.office import reports
from bench.parts import processor_seconds

BATCH = 64


def main() -> None:
    parser = arguments("Ingest")
    parser.add_argument("--model-host", default="http://127.0.0.1:8011")
    parser.add_argument("--model", default="e5-small")
    parser.add_argument("--limit", type=int, default=480, help="paragraphs")
    parser.add_argument("--pdfs", type=int, default=1, help="10-Q reports")
    parser.add_argument(
        "--together", type=int, nargs="+", default=[1], help="paragraphs in one file, each in turn"
    )
    parser.add_argument(
        "--mixed", type=int, default=0, help="so many Word files in two languages, and three 10-Qs"
    )
    parser.add_argument("--hosts", type=int, default=1, help="machines with workers")
    given = parser.parse_args()
    if given.key:
        _measure(given, [])
        return
    if given.hosts > 1:
        require_services()
    with ExitStack() as running:
        own = running.enter_context(instance(without={"llm"}))
        others = [running.enter_context(worker_host(own, at + 2)) for at in range(given.hosts - 1)]
        given.url, given.key, given.model_host = own.url, own.key, own.model_host
        os.environ["MODEL_HOST_TOKEN"] = own.model_host_token
        given.keep = True  # the whole installation goes
        _measure(given, [own.pid, *others])
        figure("ingest", "differences", differences(own), hosts=given.hosts)


def _measure(given: Namespace, supervisors: Sequence[int]) -> None:
    documents = {**load("xquad-zh").documents, **load("xquad-en").documents}
    names = sorted(documents, key=lambda name: (name[2:], name))[: given.limit]
    pdfs = sec10q()[: given.pdfs]
    with (
        Client(given.url, given.key) as client,
        room(client, "Bench ingest", keep=given.keep) as workspace,
    ):
        embedder = Embedder(given.model_host, given.model)
        for together in given.together:
            wanted = _joined({name: documents[name] for name in names}, together)
            files = {f"{name}.txt": text.encode() for name, text in wanted.items()}
            collection = client.collection(workspace, f"{together} together")
            _files(client, collection, files, embedder, supervisors)
        if given.mixed:
            files = {
                **reports(documents, given.mixed),
                **{p.name: p.read_bytes() for p in sec10q()[1:4]},
            }
            _files(client, client.collection(workspace, "mixed"), files, embedder, supervisors)
        for pdf in pdfs:
            _pdf(client, client.collection(workspace, pdf.stem), pdf.name, pdf.read_bytes())


def _joined(documents: dict[str, str], together: int) -> dict[str, str]:
    """So many paragraphs in one document, as in most that people have."""
    names = list(documents)
    groups = [names[at : at + together] for at in range(0, len(names), together)]
    return {group[0]: "\n\n".join(documents[name] for name in group) for group in groups}


class Embedder:
    """The embedder of the installation, asked directly."""

    def __init__(self, model_host: str, model: str) -> None:
        token = os.environ.get("MODEL_HOST_TOKEN", "")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._model = model
        self._http = httpx.Client(
            base_url=model_host, timeout=600, headers=headers, trust_env=False
        )

    def rate(self, texts: list[str]) -> float:
        """Passages a second when nothing else is asked of the machine, in batches."""
        self._embed(texts[:8])
        started = time.perf_counter()
        for start in range(0, len(texts), BATCH):
            self._embed(texts[start : start + BATCH])
        return len(texts) / (time.perf_counter() - started)

    def _embed(self, texts: list[str]) -> None:
        body = {"model": self._model, "input": [f"passage: {text}" for text in texts]}
        self._http.post("/v1/embeddings", json=body).raise_for_status()


def _files(
    client: Client,
    collection: str,
    files: dict[str, bytes],
    embedder: Embedder,
    supervisors: Sequence[int],
) -> None:
    before = processor_seconds(supervisors)
    started = time.perf_counter()
    ids = client.upload_files(collection, files)
    uploaded = time.perf_counter() - started
    client.wait(collection, every_s=0.5)
    took = time.perf_counter() - started
    after = processor_seconds(supervisors)
    texts = [text for name in ids for text in _chunk_texts(client, name)]
    kind = max(Counter(name.rpartition(".")[2] for name in files).items(), key=itemgetter(1))[0]
    details: dict[str, Any] = {"files": kind, "documents": len(ids), "passages": len(texts)}
    if len(supervisors) > 1:
        details["hosts"] = len(supervisors)
    figure("ingest", "upload_ms_per_file", uploaded / len(ids) * 1000, **details)
    figure("ingest", "documents_per_s", len(ids) / took, **details)
    figure("ingest", "passages_per_s", len(texts) / took, **details)
    alone = embedder.rate(texts)
    figure("ingest", "embedder_passages_per_s", alone, **details)
    figure("ingest", "share_of_embedder", len(texts) / took / alone, **details)
    _processors(before, after, len(ids), details)


def _processors(
    before: dict[str, float], after: dict[str, float], documents: int, details: dict[str, Any]
) -> None:
    """What each part took, and which share of all of it was the model's: the share of the embedder's
    rate that is left where the processors are what limits, whatever else the machine does. Beside it
    the load of the machine: figures by the clock mean something only where it is low."""
    figure("ingest", "load", os.getloadavg()[0], **details)
    used = {part: after[part] - before.get(part, 0.0) for part in after}
    for part, seconds in used.items():
        if seconds > 0.5:
            each = seconds / documents * 1000
            figure("ingest", "processor_ms_per_document", each, part=part, **details)
    if model := used.get("workers.model_host", 0.0):
        figure("ingest", "share_of_processors", model / sum(used.values()), **details)


def _chunk_texts(client: Client, document: str) -> list[str]:
    """What the embedder was given: the headings above a passage, and the passage."""
    rows = client.items(f"documents/{document}/chunks")
    return ["\n".join([*row["headings"], row["text"]]) for row in rows]


def _pdf(client: Client, collection: str, name: str, content: bytes) -> None:
    started = time.perf_counter()
    added = client.upload_file(collection, name, content)
    answered = time.perf_counter() - started
    client.wait(collection, every_s=0.3)
    took = time.perf_counter() - started
    ready: dict[str, Any] = client.call("GET", f"documents/{added['id']}")
    details = {"file": name, "pages": ready["pages"], "passages": ready["chunks"]}
    note(f"{name}: searchable after {took:.1f} s")
    figure("ingest", "pdf_upload_ms", answered * 1000, **details)
    figure("ingest", "pdf_seconds", took, **details)
    figure("ingest", "pages_per_s", ready["pages"] / took, **details)


if __name__ == "__main__":
    main()
