"""What vLLM's ``/metrics`` says of how busy it is."""

import re
from dataclasses import dataclass

import httpx

_ASK_S = 5.0
_LINE = re.compile(r"^vllm:(\w+?)(?:\{[^}]*\})? ([0-9.eE+-]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Activity:
    """``open`` requests run or wait now; ``ended`` grows with each that was answered."""

    open: float
    ended: float


def read(text: str) -> Activity:
    """The figures in Prometheus' text; what is missing counts as nothing."""
    sums: dict[str, float] = {}
    for name, value in _LINE.findall(text):
        sums[name] = sums.get(name, 0.0) + float(value)
    running, waiting = sums.get("num_requests_running", 0.0), sums.get("num_requests_waiting", 0.0)
    return Activity(running + waiting, sums.get("request_success_total", 0.0))


async def ask(address: str) -> Activity | None:
    """What the engine at this address says; None while it does not answer."""
    try:
        # On this machine, without TLS: the certificate store is not loaded for it.
        async with httpx.AsyncClient(trust_env=False, timeout=_ASK_S, verify=False) as client:  # noqa: S501
            answer = await client.get(f"{address}/metrics")
    except httpx.HTTPError:
        return None
    return read(answer.text) if answer.is_success else None
