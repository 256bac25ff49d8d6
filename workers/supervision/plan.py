"""What is to run on this machine: values that ``kb_platform.parts`` makes from the environment."""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self


class Check(StrEnum):
    """How a part shows that it is there."""

    NONE = "none"  # its process runs
    REDIS = "redis"  # answers PING; target: path of a socket, or host:port
    TCP = "tcp"  # takes a connection; target: host:port
    HTTP_OK = "http-ok"  # answers 200; target: address
    HTTP_ANY = "http-any"  # answers at all; target: address
    PULSE = "pulse"  # a file is touched again and again; target: path


@dataclass(frozen=True, slots=True)
class Probe:
    check: Check = Check.NONE
    target: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the installation."""

    name: str
    command: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()  # parts that must be ready (or done) before the first start
    once: bool = False  # runs to its end; others wait for that end
    speaks: bool = False  # what it prints is for the person at the terminal
    ready: Probe = field(default_factory=Probe)
    start_s: float = 60.0  # not ready by then: stopped, and given twice as long
    stale_s: float = 90.0  # no sign of life for this long: stopped and started again
    depends: Probe = field(default_factory=Probe)  # while this is away, silence is forgiven
    stop_s: float = 10.0  # grace between SIGTERM and SIGKILL
    stop_rank: int = 0  # lower ranks are stopped first
    nice: int = 0  # more than 0: others go first when processors are short
    orphan_signal: int = 15  # sent by the kernel should the supervisor be killed
    host: str = ""
    port: int = 0
    port_variable: str = ""  # the KB_ variable that moves the port
    single: bool = False  # one per data folder, guarded by a lock file


@dataclass(frozen=True, slots=True)
class Plan:
    """All parts, and the folders and addresses that they share."""

    parts: tuple[Part, ...]
    address: str
    data_dir: str
    run_dir: str
    socket_dir: str
    log_dir: str
    log_to: str = "files"  # or "stdout"

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        values: dict[str, Any] = json.loads(text)
        parts = tuple(_part(part) for part in values.pop("parts"))
        return cls(parts=parts, **values)


def _part(values: dict[str, Any]) -> Part:
    for name in ("ready", "depends"):
        values[name] = Probe(Check(values[name]["check"]), values[name]["target"])
    for name in ("command", "after"):
        values[name] = tuple(values[name])
    return Part(**values)
