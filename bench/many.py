"""Thousands of small documents through one machine: the rate, and whether memory stays flat.

python -m bench.many [--documents 10000] [--every 1000]
"""

import argparse
import time
from collections.abc import Iterator
from itertools import islice

from bench.client import BATCH, Client, figure, note, room
from bench.data import load
from bench.instance import Instance, instance
from bench.parts import memory

# Uploads stay this far ahead of what is searchable: the queue is never empty, nor is it all there.
AHEAD = 400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--every", type=int, default=1_000)
    given = parser.parse_args()
    with (
        instance(without={"llm"}) as own,
        Client(own.url, own.key) as client,
        room(client, "Bench many", keep=True) as workspace,
    ):
        collection = client.collection(workspace, "work orders")
        _run(client, own, collection, given.documents, given.every)


def _run(client: Client, own: Instance, collection: str, wanted: int, every: int) -> None:
    texts = _texts()
    sent = done = 0
    started, mark = time.perf_counter(), 0
    while done < wanted:
        while sent < min(wanted, done + AHEAD):
            few = dict(islice(texts, min(BATCH, wanted - sent)))
            sent += len(client.upload_texts(collection, few))
        balance = client.call("GET", f"collections/{collection}/balance")
        if balance["failed"]:
            raise SystemExit(f"{balance['failed']} failed")
        done = balance["searchable"]
        if done // every > mark:
            mark = done // every
            took = time.perf_counter() - started
            note(f"{done} after {took:.0f} s")
            _memory(own.pid, done, done / took)
        time.sleep(1)
    figure("many", "documents_per_s", wanted / (time.perf_counter() - started), documents=wanted)


def _texts() -> Iterator[tuple[str, str]]:
    """Name and text of work orders that are all different, in both languages."""
    paragraphs = [*load("xquad-zh").documents.values(), *load("xquad-en").documents.values()]
    for number in range(10**9):
        text = paragraphs[number % len(paragraphs)]
        yield f"order {number}", f"Work order 工单 {number}.\n\n{text[:600]}"


def _memory(supervisor: int, documents: int, rate: float) -> None:
    held = memory(supervisor)
    for part, megabytes in held.items():
        figure("many", "uss_mb", megabytes, part=part, documents=documents)
    figure("many", "uss_mb", sum(held.values()), part="all", documents=documents)
    figure("many", "documents_per_s_so_far", rate, documents=documents)


if __name__ == "__main__":
    main()
