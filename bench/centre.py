"""The mean vectors of the local embedding model, for ``apps/engines/catalogue/centres.json``.

KB_DATA_DIR=… python -m bench.centre > apps/engines/catalogue/centres.json

Embeds 600 passages and 600 questions of many subjects in each language (CMRC 2018 and MTRAG-UN; none
of them is in a set that measures retrieval) through the model host of a running instance.
"""

import gzip
import json
import os
import random
import sys

from bench.data import folder

STRENGTH = 0.8
EACH = 600


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kb_platform.settings")
    import django  # noqa: PLC0415 - settings come from the environment

    django.setup()
    from django.conf import settings  # noqa: PLC0415

    from apps.engines.adapters.openai_compatible import RemoteEmbedder  # noqa: PLC0415
    from apps.rag.centre import mean_of  # noqa: PLC0415

    embedder = RemoteEmbedder(
        settings.EMBEDDINGS_BASE_URL,
        model=settings.EMBEDDINGS_MODEL,
        dimensions=settings.EMBEDDINGS_DIMENSIONS,
        api_key=settings.EMBEDDINGS_API_KEY,
        query_prefix=settings.EMBEDDINGS_QUERY_PREFIX,
        passage_prefix=settings.EMBEDDINGS_PASSAGE_PREFIX,
    )

    def mean(vectors: list[list[float]]) -> list[float]:
        return [round(x, 4) for x in mean_of(vectors)]

    measured: dict[str, object] = {"strength": STRENGTH}
    for language, (passages, questions) in {"chinese": cmrc(), "other": mtrag()}.items():
        measured[f"{language}_passages"] = mean(embedder.embed_passages(some(passages)))
        asked = [embedder.embed_query(question) for question in some(questions)]
        measured[f"{language}_queries"] = mean(asked)
    json.dump({settings.EMBEDDINGS_MODEL: measured}, sys.stdout)
    print()


def cmrc() -> tuple[list[str], list[str]]:
    """Chinese passages and questions."""
    data = json.loads((folder("cmrc2018") / "cmrc2018_dev.json").read_text("utf-8"))["data"]
    paragraphs = [paragraph for article in data for paragraph in article["paragraphs"]]
    questions = [each["question"] for paragraph in paragraphs for each in paragraph["qas"]]
    return [paragraph["context"] for paragraph in paragraphs], questions


def mtrag() -> tuple[list[str], list[str]]:
    """English passages and questions."""
    passages: dict[str, str] = {}
    questions: list[str] = []
    with gzip.open(folder("mtrag_un") / "reference.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            task = json.loads(line)
            passages |= {each["document_id"]: each["text"] for each in task["contexts"]}
            questions.append(task["input"][-1]["text"])
    return list(passages.values()), questions


def some(texts: list[str]) -> list[str]:
    """The same choice each time."""
    texts = sorted(set(texts))
    return random.Random(7).sample(texts, min(EACH, len(texts)))


if __name__ == "__main__":
    main()
