"""How fast files become searchable, and how much of the embedder's own rate is left.

python -m bench.ingest --key fn_… [--model-host http://127.0.0.1:8011] [--limit 480] [--pdfs 1]
    [--together 1]
"""

import os
import time
from typing import Any

import httpx

from bench.client import Client, arguments, figure, note, room
from bench.data import load, sec10q

BATCH = 64


def main() -> None:
    parser = arguments("Ingest")
    parser.add_argument("--model-host", default="http://127.0.0.1:8011")
    parser.add_argument("--model", default="e5-small")
    parser.add_argument("--limit", type=int, default=480, help="paragraphs")
    parser.add_argument("--pdfs", type=int, default=1, help="10-Q reports")
    parser.add_argument("--together", type=int, default=1, help="paragraphs in one file")
    given = parser.parse_args()
    documents = {**load("xquad-zh").documents, **load("xquad-en").documents}
    names = sorted(documents, key=lambda name: (name[2:], name))[: given.limit]
    pdfs = sec10q()[: given.pdfs]
    with (
        Client(given.url, given.key) as client,
        room(client, "Bench ingest", keep=given.keep) as workspace,
    ):
        collection = client.collection(workspace, "paragraphs")
        wanted = _joined({name: documents[name] for name in names}, given.together)
        _texts(client, collection, wanted, given.model_host, given.model)
        for pdf in pdfs:
            _pdf(client, client.collection(workspace, pdf.stem), pdf.name, pdf.read_bytes())


def _joined(documents: dict[str, str], together: int) -> dict[str, str]:
    """So many paragraphs in one document, as in most that people have."""
    names = list(documents)
    groups = [names[at : at + together] for at in range(0, len(names), together)]
    return {group[0]: "\n\n".join(documents[name] for name in group) for group in groups}


def _texts(
    client: Client, collection: str, documents: dict[str, str], model_host: str, model: str
) -> None:
    started = time.perf_counter()
    ids = client.upload_texts(collection, documents)
    uploaded = time.perf_counter() - started
    client.wait(collection, every_s=0.3)
    took = time.perf_counter() - started
    texts = [text for name in ids for text in _chunk_texts(client, name)]
    details = {"documents": len(ids), "passages": len(texts)}
    figure("ingest", "upload_ms_per_file", uploaded / len(ids) * 1000, **details)
    figure("ingest", "documents_per_s", len(ids) / took, **details)
    figure("ingest", "passages_per_s", len(texts) / took, **details)
    alone = _own_rate(model_host, model, texts)
    figure("ingest", "embedder_passages_per_s", alone, **details)
    figure("ingest", "share_of_embedder", len(texts) / took / alone, **details)


def _chunk_texts(client: Client, document: str) -> list[str]:
    """What the embedder was given: the headings above a passage, and the passage."""
    rows = client.items(f"documents/{document}/chunks")
    return ["\n".join([*row["headings"], row["text"]]) for row in rows]


def _own_rate(model_host: str, model: str, texts: list[str]) -> float:
    """Passages per second of the embedder alone: the same texts, in batches, sent directly."""
    token = os.environ.get("MODEL_HOST_TOKEN", "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(base_url=model_host, timeout=600, headers=headers, trust_env=False) as http:
        _embed(http, model, texts[:8])
        started = time.perf_counter()
        for start in range(0, len(texts), BATCH):
            _embed(http, model, texts[start : start + BATCH])
        return len(texts) / (time.perf_counter() - started)


def _embed(http: httpx.Client, model: str, texts: list[str]) -> None:
    body = {"model": model, "input": [f"passage: {text}" for text in texts]}
    http.post("/v1/embeddings", json=body).raise_for_status()


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
