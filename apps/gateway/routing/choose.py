"""In which order servers are asked. Pure rules over values; the reasons are for the trace."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from apps.gateway.routing.breaker import Health

# How far above the mean a server may be loaded before its conversations go elsewhere.
SLACK = 1.25


class Reason(StrEnum):
    """Why a server stands where it does."""

    ONLY = "only"  # there is no other of this rank
    HOME = "home"  # this conversation belongs there: what it read before is still in its cache
    NEXT = "next"  # the one after it
    BUSY = "busy"  # it belongs there, but the server has more than its share
    TRIED = "tried"  # it failed; one question may see whether it works again
    SET_ASIDE = "set_aside"  # it fails, and is not asked


@dataclass(frozen=True, slots=True)
class Server:
    """One server as the rules see it. ``rank``: 0 is asked first, higher ones stand in.
    ``running``: questions that it has now; ``room``: how many it takes at once (0: as many as
    come)."""

    key: str
    rank: int = 0
    running: int = 0
    room: int = 0
    health: Health = Health.CLOSED

    @property
    def is_full(self) -> bool:
        return 0 < self.room <= self.running


@dataclass(frozen=True, slots=True)
class Place:
    """A server in the order, and why it stands there."""

    key: str
    reason: Reason


def order(servers: Sequence[Server], affinity: str) -> list[Place]:
    """Servers by rank, then by where the conversation ``affinity`` belongs, those with too much to
    do behind the others. Servers that are set aside come last and are not to be asked.

    Rendezvous hashing (Thaler and Ravishankar, 1998) with bounded loads (Mirrokni, Thorup and
    Zadimoghaddam, 2018): a server that comes or goes moves only its own conversations.
    """
    askable = [each for each in servers if each.health is not Health.OPEN]
    ranked = sorted(askable, key=lambda each: each.rank)
    found: list[Place] = []
    for _rank, group in groupby(ranked, key=lambda each: each.rank):
        found += _within(list(group), affinity)
    aside = [each for each in servers if each.health is Health.OPEN]
    return found + [Place(each.key, Reason.SET_ASIDE) for each in aside]


def _within(group: list[Server], affinity: str) -> list[Place]:
    """The order of servers of one rank."""
    group.sort(key=lambda each: weight(each.key, affinity), reverse=True)
    share = bound([each.running for each in group])
    loaded = {each.key for each in group if each.is_full or each.running >= share}
    free = [each for each in group if each.key not in loaded]
    passed_by = sorted((e for e in group if e.key in loaded), key=lambda each: each.running)
    return [
        Place(each.key, _reason(each, group, is_loaded=each.key in loaded))
        for each in free + passed_by
    ]


def _reason(server: Server, group: list[Server], *, is_loaded: bool) -> Reason:
    if server.health is Health.HALF_OPEN:
        return Reason.TRIED
    if len(group) == 1:
        return Reason.ONLY
    if is_loaded:
        return Reason.BUSY
    return Reason.HOME if server.key == group[0].key else Reason.NEXT


def bound(running: Sequence[int]) -> int:
    """How much one of these may have before the next question passes it by."""
    return max(1, math.ceil(SLACK * (sum(running) + 1) / max(len(running), 1)))


def weight(key: str, affinity: str) -> int:
    """The higher, the nearer. The same on every machine and in every process."""
    digest = hashlib.blake2b(f"{affinity}\0{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest)
