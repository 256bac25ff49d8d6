"""What the gateway adds to a model server: time to the first token, streams a second, faults.

    python -m bench.gateway [--peer litellm=http://127.0.0.1:4000/v1,MODEL,KEY]
                            [--at-once 1,8,32] [--rounds 3] [--integrity 10000]

A model server with chosen delays and the client share one core (0); an installation of its own, and
a peer that was started there (``taskset -c 1``), have the other. Asked is ``plain/bench`` at
``/v1/chat/completions``: key, rights, limits, budgets, rules about topics, choice of version and
server, and accounts, but no documents. Nobody else is asked in the same round: the server alone,
the peer and the gateway take turns.
"""

import os
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import uvloop

from bench.client import Client, arguments, figure, note, room
from bench.gateway.streams import Heard, Load, Target, ask_all, faults
from bench.instance import ROOT, Instance, free_ports, instance
from bench.metrics import percentile

MODEL = "bench"
CLIENTS, GATEWAYS = [0], [1]
SETTLES_S = 30
_REGISTER = """
from apps.engines.models import Endpoint
from apps.gateway.models import LanguageModel, ModelVersion
server = Endpoint.objects.create(name="mock", base_url="{url}", model="mock", kind="chat",
    is_active=True, concurrency={places}, queue_length=1000)
model = LanguageModel.objects.create(name="bench", title="Bench", is_plain=True, is_default=True)
version = ModelVersion.objects.create(model=model, number=1, state="live")
version.servers.add(server)
"""


def main() -> None:
    given = _arguments()
    # An own installation is asked by one key: its rate is no part of this.
    os.environ["KB_ENGINES"] = "fake"  # nothing is embedded: no model is loaded
    os.environ["KB_LIMIT_PERSON"] = os.environ["KB_LIMIT_ANONYMOUS"] = ""
    with _mock(given) as alone, instance() as own:
        _pin(own)
        psutil.Process().cpu_affinity(CLIENTS)  # not before: what it starts would be pinned too
        _register(own, alone.base_url, given.places)
        with Client(own.url, own.key) as client, room(client, "Bench gateway", keep=False):
            ours = Target("gateway", f"{own.url}/v1", f"plain/{MODEL}", own.key)
            targets = [alone, *_peers(given), ours]
            for target in targets:
                _asked(target, Load(20, 4, given.tokens))
            for at_once in given.at_once:
                _added(targets, at_once, given)
            _integrity(ours, alone, own, given)


def _arguments() -> Namespace:
    parser = arguments("The gateway, and a model server alone")
    parser.add_argument("--peer", action="append", default=[], help="NAME=ADDRESS,MODEL,KEY")
    parser.add_argument("--at-once", type=_numbers, default=[1, 8, 32])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8, help="of one target in one round")
    parser.add_argument("--mock-port", type=int, default=0, help="0: a free one")
    parser.add_argument("--first-ms", type=int, default=50)
    parser.add_argument("--next-ms", type=int, default=10)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--places", type=int, default=64, help="questions at once at the server")
    parser.add_argument("--integrity", type=int, default=10_000, help="streams; 0: none")
    parser.add_argument("--leaving", type=float, default=0.05, help="share of clients that leave")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


@contextmanager
def _mock(given: Namespace) -> Iterator[Target]:
    port = given.mock_port or free_ports(1)[0]
    delays = map(str, (port, given.first_ms, given.next_ms, given.tokens))
    command = [sys.executable, "-m", "bench.gateway.mock", *delays]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            psutil.Process(process.pid).cpu_affinity(CLIENTS)
            time.sleep(1)
            yield Target("alone", f"http://127.0.0.1:{port}/v1", "mock")
        finally:
            process.terminate()


def _peers(given: Namespace) -> list[Target]:
    found = []
    for peer in given.peer:
        name, _, rest = peer.partition("=")
        base_url, model, key = rest.split(",")
        found.append(Target(name, base_url, model, key))
    return found


def _pin(own: Instance) -> None:
    """Every part of the installation to the gateway's core."""
    supervisor = psutil.Process(own.pid)
    for process in (supervisor, *supervisor.children(recursive=True)):
        for thread in process.threads():
            os.sched_setaffinity(thread.id, GATEWAYS)


def _register(own: Instance, url: str, places: int) -> None:
    code = _REGISTER.format(url=url, places=places)
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    env = {**os.environ, "KB_DATA_DIR": str(own.folder)}
    subprocess.run(command, cwd=ROOT, env=env, check=True)


def _asked(target: Target, load: Load) -> tuple[list[Heard], float]:
    began = time.perf_counter()
    heard = uvloop.run(ask_all(target, load))
    return heard, time.perf_counter() - began


def _added(targets: list[Target], at_once: int, given: Namespace) -> None:
    """Times of all targets at so many streams, in turns."""
    each_s = (given.first_ms + given.next_ms * (given.tokens - 1)) / 1000
    streams = max(20, round(given.seconds / each_s * at_once))
    firsts: dict[str, list[float]] = {target.name: [] for target in targets}
    rates: dict[str, list[float]] = {target.name: [] for target in targets}
    for number in range(given.rounds):
        for target in targets:
            load = Load(streams, at_once, given.tokens, seed=number)
            heard, took_s = _asked(target, load)
            firsts[target.name] += [each.first_s for each in heard if not each.fault]
            rates[target.name].append(streams / took_s)
            if wrong := faults(heard):
                note(f"{target.name}: {len(wrong)} of {streams} streams: {wrong[0]}")
    for target in targets:
        _tell(target.name, at_once, firsts, rates)


def _tell(
    who: str, at_once: int, firsts: dict[str, list[float]], rates: dict[str, list[float]]
) -> None:
    load = round(os.getloadavg()[0], 1)
    for p in (50, 99):
        first = percentile(firsts[who], p) * 1000
        added = first - percentile(firsts["alone"], p) * 1000
        figure("gateway", f"first_token_ms_p{p}", first, of=who, at_once=at_once, load=load)
        if who != "alone":
            figure("gateway", f"added_ms_p{p}", added, of=who, at_once=at_once)
    figure("gateway", "streams_per_s", sum(rates[who]) / len(rates[who]), of=who, at_once=at_once)


# --- nothing lost, nothing doubled, every place freed --------------------------------------------
def _integrity(ours: Target, alone: Target, own: Instance, given: Namespace) -> None:
    if not given.integrity:
        return
    load = Load(given.integrity, 32, given.tokens, given.leaving, seed=99)
    heard, took_s = _asked(ours, load)
    wrong = faults(heard)
    left = {each.name: each.left_at for each in heard if each.left_at}
    figure("gateway", "streams", len(heard), seconds=round(took_s), left=len(left))
    figure("gateway", "streams_at_fault", len(wrong), first=wrong[:1])
    figure("gateway", "places_still_taken", _until_free(alone, own))
    ended = _stats(alone)["broken_off"]
    delays = [(ended[name] - at) * 1000 for name, at in left.items() if name in ended]
    figure("gateway", "cancel_ms_p50", percentile(delays, 50), of=len(delays))
    figure(
        "gateway", "cancel_ms_p99", percentile(delays, 99), most=round(max(delays, default=0), 1)
    )
    figure("gateway", "streams_that_ended_before_the_leave", len(left) - len(delays))


def _until_free(alone: Target, own: Instance) -> int:
    """Streams that the server still has, or that the gateway says it has, after a little."""
    until = time.monotonic() + SETTLES_S
    while taken := int(_stats(alone)["running"]) + _running(own):
        if time.monotonic() > until:
            break
        time.sleep(0.5)
    return taken


def _stats(alone: Target) -> dict[str, Any]:
    url = urlsplit(alone.base_url)
    found: dict[str, Any] = httpx.get(f"http://{url.netloc}/stats", trust_env=False).json()
    return found


def _running(own: Instance) -> int:
    headers = {"Authorization": f"Bearer {own.key}"}
    text = httpx.get(f"{own.url}/api/v1/metrics", headers=headers, trust_env=False).text
    lines = [line for line in text.splitlines() if "running{" in line or "waiting{" in line]
    return sum(int(float(line.split()[-1])) for line in lines)


if __name__ == "__main__":
    main()
