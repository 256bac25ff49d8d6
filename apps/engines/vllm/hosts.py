"""What there is to run a model on: GPUs of this host, GPUs named by hand, or the processor."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass

import psutil
from django.utils.translation import gettext as _

from apps.engines.vllm.refusal import CannotServe

GIB = 1024**3
_MIB = 1024**2
_BY_HAND = re.compile(r"(?:(\d+)x)?(\d+)x(\d+(?:\.\d+)?)", re.ASCII)
_ASK = ("--query-gpu=memory.total,compute_cap,name", "--format=csv,noheader,nounits")
_ASK_S = 20


@dataclass(frozen=True, slots=True)
class Host:
    """``hosts`` machines of ``gpus`` GPUs each, every one with ``memory`` bytes. No GPUs: the
    processor, and ``memory`` is what is free in the whole machine."""

    gpus: int
    memory: int
    hosts: int = 1
    name: str = ""
    processors: int = 1
    # Older GPUs than 8.0 have no bfloat16.
    has_bfloat16: bool = True

    @property
    def is_cpu(self) -> bool:
        return self.gpus == 0

    @property
    def all_gpus(self) -> int:
        return self.gpus * self.hosts


def host_of(words: str) -> Host:
    """``4x80``: four GPUs of 80 GiB; ``2x8x80``: two hosts of eight; ``cpu``; "": what is here."""
    if words.strip().lower() == "cpu":
        return processor()
    if not words.strip():
        return _graphics() or processor()
    match = _BY_HAND.fullmatch(words.strip().lower())
    if match is None or "0" in match.groups()[:2] or float(match[3]) <= 0:
        raise CannotServe(
            _("%(words)s is no list of GPUs.") % {"words": words},
            _("Write 4x80 for four of 80 GiB, 2x8x80 for two hosts of eight, or cpu."),
        )
    return Host(int(match[2]), int(float(match[3]) * GIB), int(match[1] or 1), name=words.strip())


def processor() -> Host:
    """This machine's processors and free memory."""
    count = len(allowed_processors())
    return Host(0, int(psutil.virtual_memory().available), name="CPU", processors=count)


def allowed_processors() -> tuple[str, ...]:
    """The numbers of those that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(map(str, sorted(os.sched_getaffinity(0))))
    return tuple(map(str, range(os.cpu_count() or 1)))


def allowed_gpus() -> tuple[str, ...] | None:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves to this process, by number or name; None: all."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return None
    return tuple(name.strip() for name in named.split(",") if name.strip())


def read_graphics(table: str) -> Host | None:
    """What ``nvidia-smi`` printed. GPUs of different sizes count as the smallest of them."""
    rows = [line.split(",", 2) for line in table.splitlines() if line.count(",") >= 2]
    sizes = [int(float(row[0]) * _MIB) for row in rows if row[0].strip().replace(".", "").isdigit()]
    if not sizes:
        return None
    ages = [float(row[1]) for row in rows if row[1].strip().replace(".", "", 1).isdigit()]
    return Host(
        len(sizes),
        min(sizes),
        name=rows[0][2].strip(),
        has_bfloat16=min(ages, default=8.0) >= 8.0,
    )


def _graphics() -> Host | None:
    program = shutil.which("nvidia-smi")
    allowed = allowed_gpus()
    if program is None or allowed == ():
        return None
    only = () if allowed is None else ("-i", ",".join(allowed))
    try:
        done = subprocess.run(  # noqa: S603 - a fixed question to a program of the system
            [program, *_ASK, *only], capture_output=True, text=True, timeout=_ASK_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return read_graphics(done.stdout)
