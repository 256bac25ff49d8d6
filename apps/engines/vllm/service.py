"""Everything that ``engine serve`` needs to know, as one file that holds no secret."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from apps.engines.vllm.hosts import host_of
from apps.engines.vllm.launch import Launch
from apps.engines.vllm.plan import Plan, Wanted, propose
from apps.engines.vllm.quiet import read_hours
from apps.engines.vllm.refusal import CannotServe
from apps.engines.vllm.shape import read_shape
from apps.engines.vllm.weights import stored_bytes

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LARGEST_FILE = 1_000_000
_LARGEST_RANK = 512  # vLLM's own


@dataclass(frozen=True, slots=True)
class Service:
    """A model to be served: by which plan, where, under what name, and when not."""

    plan: Plan
    folder: str
    name: str = "answers"
    host: str = "127.0.0.1"
    # Where others find this host; the address that is registered.
    address: str = "127.0.0.1"
    port: int = 8100
    door_port: int = 8150
    adapters: tuple[tuple[str, str], ...] = ()
    adapter_rank: int = 0
    load_format: str = "safetensors"
    quiet: str = ""
    idle_minutes: float = 10.0
    start_s: float = 1800.0
    drain_s: float = 120.0

    def launch(self, replica: int, devices: tuple[str, ...]) -> Launch:
        """How the replica of this number is started."""
        return Launch(
            folder=Path(self.folder),
            name=self.name,
            host=self.host,
            port=self.port + replica,
            devices=devices,
            adapters=self.adapters,
            load_format=self.load_format,
            adapter_rank=self.adapter_rank,
        )

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "Service":
        """What ``to_json`` wrote, perhaps changed by hand since. Raises CannotServe."""
        try:
            values: dict[str, Any] = json.loads(text)
            values["plan"] = Plan(**values["plan"])
            values["adapters"] = tuple((str(a), str(b)) for a, b in values.get("adapters", ()))
            return checked(Service(**values))
        except (ValueError, KeyError, TypeError) as error:
            raise CannotServe(
                _("This is no plan: %(error)s.") % {"error": error},
                _("Make one with: manage.py engine plan FOLDER --json."),
            ) from error


def checked(service: "Service") -> "Service":
    """The service itself. Raises CannotServe for names and numbers that vLLM would misread."""
    for name in (service.name, *(name for name, _path in service.adapters)):
        if not _NAME.fullmatch(name):
            raise CannotServe(
                _("%(name)s is no name for a model.") % {"name": name},
                _("Letters, digits, dots, dashes and underscores, and a letter or digit first."),
            )
    plan = service.plan
    numbers = (plan.tp, plan.pp, plan.replicas, plan.context, plan.max_sequences, service.port)
    # A plan may have been written by hand.
    if not all(type(each) is int and each > 0 for each in numbers):
        raise CannotServe(_("A size in the plan is not a number above 0."))
    here = plan.gpus * (plan.hosts if plan.needs_ray else 1)
    if not plan.is_cpu and plan.gpus_each * plan.replicas > here:
        raise CannotServe(
            _("%(replicas)d replicas need %(needed)d GPUs, and there are %(all)d.")
            % {
                "replicas": plan.replicas,
                "needed": plan.gpus_each * plan.replicas,
                "all": here,
            }
        )
    if plan.replicas > 1 and plan.needs_ray:
        raise CannotServe(_("A model over several hosts is served by one replica a command."))
    read_hours(service.quiet)
    return service


def planned(folder: Path, gpus: str, wanted: Wanted, *, load_format: str = "") -> Plan:
    """The plan for a model folder on these GPUs (see ``hosts.host_of``)."""
    shape = read_shape(folder)
    stored = stored_bytes(folder)
    if not stored and load_format != "dummy":
        raise CannotServe(
            _("%(folder)s holds no weights (*.safetensors).") % {"folder": folder},
            _("To plan or try without weights: --load-format dummy."),
        )
    return propose(shape, host_of(gpus), wanted, stored=stored)


def adapter(words: str) -> tuple[tuple[str, str], int]:
    """``NAME=FOLDER`` of a LoRA adapter, and its rank out of ``adapter_config.json``."""
    name, _sign, path = words.partition("=")
    folder = Path(path).expanduser().resolve()
    config = folder / "adapter_config.json"
    try:
        with config.open(encoding="utf-8") as stream:
            rank = int(json.loads(stream.read(_LARGEST_FILE))["r"])
    except (OSError, ValueError, KeyError, TypeError):
        rank = 0
    if not 0 < rank <= _LARGEST_RANK or not any(folder.glob("*.safetensors")):
        raise CannotServe(
            _("%(path)s is no LoRA adapter in safetensors.") % {"path": path or words},
            _("Write --lora NAME=FOLDER; the folder holds adapter_config.json."),
        )
    return (name, str(folder)), rank
