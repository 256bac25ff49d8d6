"""From a plan to the command line and environment of ``vllm serve``."""

from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _

from apps.engines.vllm.hosts import allowed_gpus, allowed_processors
from apps.engines.vllm.plan import Plan
from apps.engines.vllm.refusal import CannotServe

# What vLLM must not do by itself: tell its makers, fetch from a hub, write prompts into logs.
_QUIET = {
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
}


@dataclass(frozen=True, slots=True)
class Launch:
    """How one replica is started. ``devices``: names of its GPUs, or of its processors."""

    folder: Path
    name: str
    host: str
    port: int
    devices: tuple[str, ...] = ()
    adapters: tuple[tuple[str, str], ...] = ()
    load_format: str = "safetensors"
    adapter_rank: int = 0


def arguments(program: str, plan: Plan, launch: Launch) -> tuple[str, ...]:
    """The command. No secret is in it, and no code of the folder is ever trusted: there is no way
    to ask for ``--trust-remote-code``."""
    return (
        *(program, "serve", str(launch.folder), "--served-model-name", launch.name),
        *("--host", launch.host, "--port", str(launch.port)),
        *("--tensor-parallel-size", str(plan.tp), "--pipeline-parallel-size", str(plan.pp)),
        *("--dtype", plan.dtype, "--max-model-len", str(plan.context)),
        *("--max-num-seqs", str(plan.max_sequences)),
        *("--max-num-batched-tokens", str(plan.batched_tokens)),
        *("--load-format", launch.load_format, "--kv-cache-dtype", plan.cache_dtype),
        *("--enable-prefix-caching", "--disable-uvicorn-access-log"),
        *(("--enforce-eager",) if plan.is_cpu else ("--gpu-memory-utilization", str(plan.share))),
        *(("--distributed-executor-backend", "ray") if plan.needs_ray else ()),
        *_adapters(launch),
    )


def _adapters(launch: Launch) -> tuple[str, ...]:
    if not launch.adapters:
        return ()
    named = (f"{name}={path}" for name, path in launch.adapters)
    size = ("--max-loras", str(len(launch.adapters)), "--max-lora-rank", str(launch.adapter_rank))
    return ("--enable-lora", *size, "--lora-modules", *named)


def environment(plan: Plan, launch: Launch, *, key: str) -> dict[str, str]:
    """What one replica is told beside its arguments; the key goes this way, since arguments are
    seen by everybody on the machine and printed into vLLM's log."""
    told = {**_QUIET, "VLLM_API_KEY": key}
    if plan.is_cpu:
        return {
            **told,
            "VLLM_TARGET_DEVICE": "cpu",
            "VLLM_CPU_KVCACHE_SPACE": str(plan.cache_gib),
            "VLLM_CPU_OMP_THREADS_BIND": threads(launch.devices, plan.gpus_each),
        }
    if plan.needs_ray:  # Ray hands out the GPUs of its cluster
        return told
    return {**told, "CUDA_VISIBLE_DEVICES": ",".join(launch.devices)}


def threads(processors: tuple[str, ...], processes: int) -> str:
    """Processors of each process, apart from each other: ``0,1|2,3``."""
    each = max(1, len(processors) // processes)
    shares = [processors[start * each : (start + 1) * each] for start in range(processes)]
    return "|".join(",".join(share) for share in shares)


def devices(plan: Plan, replica: int) -> tuple[str, ...]:
    """GPUs (processors) of the replica of this number, 0 the first: none belongs to two, and all are
    among those that this process may use. Raises CannotServe where there are not so many GPUs."""
    if plan.is_cpu:
        own = allowed_processors()
        each = max(1, len(own) // plan.replicas)
        return tuple(own[at % len(own)] for at in range(replica * each, (replica + 1) * each))
    if plan.needs_ray:
        return ()
    allowed = allowed_gpus()
    own = tuple(map(str, range(plan.gpus))) if allowed is None else allowed
    if plan.gpus_each * plan.replicas > len(own):
        raise CannotServe(
            _("%(replicas)d replicas need %(needed)d GPUs, and there are %(all)d.")
            % {
                "replicas": plan.replicas,
                "needed": plan.gpus_each * plan.replicas,
                "all": len(own),
            }
        )
    return own[replica * plan.gpus_each : (replica + 1) * plan.gpus_each]
