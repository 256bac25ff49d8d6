"""From a model's shape and a host to the arguments that vLLM is started with."""

from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from apps.engines.vllm import cache, reserve, splits, weights
from apps.engines.vllm.hosts import GIB, Host
from apps.engines.vllm.refusal import CannotServe
from apps.engines.vllm.shape import Shape

_MOST_SEQUENCES = 256
_USUAL_CONTEXT = 16_384
_GPU_BLOCK, _CPU_BLOCK = 16, 128
_LARGE_GPU = 70 * GIB


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator asks for; 0 and "" leave it to the plan."""

    context: int = 0
    sequences: int = 8
    tp: int = 0
    pp: int = 0
    share: float = 0.9
    cache_dtype: str = "auto"
    replicas: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """How to start a model, with the figures it was chosen by; all bytes are of one GPU (on a CPU:
    of one process). ``cache_gib`` is given to vLLM only on a CPU."""

    architecture: str
    is_cpu: bool
    gpus: int
    hosts: int
    tp: int
    pp: int
    replicas: int
    dtype: str
    quantisation: str
    cache_dtype: str
    context: int
    share: float
    max_sequences: int
    batched_tokens: int
    block: int
    memory: int
    weights_total: int
    weights: int
    reserve: int
    cache: int
    token: int
    cache_tokens: int
    sequences: float
    cache_gib: int = 0
    processors: int = 1
    brings_code: bool = False

    @property
    def gpus_each(self) -> int:
        """GPUs (or processes) of one replica."""
        return self.tp * self.pp

    @property
    def shares(self) -> int:
        """Processes that divide ``memory`` among them: on a CPU those of all replicas."""
        return self.gpus_each * self.replicas if self.is_cpu else 1

    @property
    def needs_ray(self) -> bool:
        """One replica is larger than one host."""
        return not self.is_cpu and self.gpus_each > self.gpus


def propose(shape: Shape, host: Host, wanted: Wanted, *, stored: int = 0) -> Plan:
    """The first split (see ``splits.splits``) in which the wanted sequences fit, else the one with
    most room. Raises CannotServe with what would help where not one sequence fits."""
    shape = shape if host.has_bfloat16 else replace(shape, dtype="float16")
    tried = [
        plan
        for tp, pp in _candidates(shape, host, wanted)
        if (plan := _plan(shape, host, wanted, tp=tp, pp=pp, stored=stored))
    ]
    fitting = [plan for plan in tried if plan.sequences >= 1]
    if not fitting:
        raise _too_large(shape, host, wanted, stored)
    enough = [plan for plan in fitting if plan.sequences >= wanted.sequences]
    return enough[0] if enough else max(fitting, key=lambda plan: plan.sequences)


def _candidates(shape: Shape, host: Host, wanted: Wanted) -> list[tuple[int, int]]:
    if host.is_cpu:
        tp, pp = wanted.tp or 1, wanted.pp or 1
        found = [] if tp * pp > host.processors else [(tp, pp)]
    else:
        tp, pp = wanted.tp, wanted.pp
        found = splits.splits(shape, gpus=host.gpus, hosts=host.hosts)
        found = [(a, b) for a, b in found if tp in {0, a} and pp in {0, b}]
    obstacle = splits.obstacle(shape, tp=tp or 1, pp=pp or 1)
    if obstacle:
        possible = [a for a in range(1, shape.heads + 1) if not splits.obstacle(shape, tp=a, pp=1)]
        raise CannotServe(
            obstacle,
            _("Tensor parallel sizes that go: %(sizes)s.")
            % {"sizes": ", ".join(map(str, possible))},
        )
    if not found:
        raise CannotServe(
            _("There are not so many GPUs (or processors): %(asked)d of %(all)d.")
            % {"asked": (tp or 1) * (pp or 1), "all": host.all_gpus or host.processors}
        )
    return found


def _plan(
    shape: Shape, host: Host, wanted: Wanted, *, tp: int, pp: int, stored: int
) -> Plan | None:
    """This split with what is left for the cache; None where the weights alone do not fit."""
    context = _context(shape, wanted)
    batched = 8192 if host.memory >= _LARGE_GPU and not host.is_cpu else 2048
    each = weights.rank_bytes(shape, tp=tp, pp=pp, stored=stored)
    terms = _terms(shape, host, wanted, tp=tp, pp=pp, batched=batched)
    aside = reserve.bytes_of(shape, tp=tp, batched=batched, is_cpu=host.is_cpu)
    replicas = wanted.replicas or _replicas(host, tp * pp)
    usable = int(host.memory * wanted.share) // (tp * pp * replicas if host.is_cpu else 1)
    left = usable - each - aside
    if host.is_cpu:
        left = _whole_gib(shape, terms, wanted, left)
    if left <= 0:
        return None
    room = cache.capacity(shape, terms, left)
    return Plan(
        architecture=shape.architecture,
        is_cpu=host.is_cpu,
        gpus=host.gpus,
        hosts=host.hosts,
        tp=tp,
        pp=pp,
        replicas=replicas,
        dtype=shape.dtype,
        quantisation=shape.quantisation.method,
        cache_dtype=wanted.cache_dtype,
        context=context,
        share=wanted.share,
        max_sequences=max(1, min(_MOST_SEQUENCES, max(wanted.sequences, int(2 * room.sequences)))),
        batched_tokens=batched,
        block=terms.block,
        memory=host.memory,
        weights_total=weights.total_bytes(shape, stored),
        weights=each,
        reserve=aside,
        cache=left,
        token=cache.token_bytes(shape, terms),
        cache_tokens=room.tokens,
        sequences=round(room.sequences, 2),
        cache_gib=left // GIB if host.is_cpu else 0,
        processors=host.processors,
        brings_code=shape.brings_code,
    )


def _replicas(host: Host, gpus_each: int) -> int:
    """As many as this host has GPUs for: the others run the command themselves."""
    return 1 if host.is_cpu else max(1, host.gpus // gpus_each)


def _context(shape: Shape, wanted: Wanted) -> int:
    if wanted.context > shape.context:
        raise CannotServe(
            _("The model reads %(most)d tokens at most.") % {"most": shape.context},
            _("Ask for a shorter context: --context %(most)d.") % {"most": shape.context},
        )
    return wanted.context or min(shape.context, _USUAL_CONTEXT)


def _terms(
    shape: Shape, host: Host, wanted: Wanted, *, tp: int, pp: int, batched: int
) -> cache.Terms:
    # Batches overlap: as many as stages, two where the scheduler runs ahead (not on a CPU).
    at_once = pp if host.is_cpu or pp > 1 else 2
    return cache.Terms(
        tp=tp,
        pp=pp,
        context=_context(shape, wanted),
        block=_CPU_BLOCK if host.is_cpu else _GPU_BLOCK,
        bytes_each=1 if wanted.cache_dtype.startswith("fp8") else 2,
        in_flight=at_once * batched,
    )


def _whole_gib(shape: Shape, terms: cache.Terms, wanted: Wanted, left: int) -> int:
    """A CPU's cache is given in whole GiB (``VLLM_CPU_KVCACHE_SPACE``), and memory that is not
    needed stays with the rest of the machine."""
    needed = -(-cache.memory_for(shape, terms, wanted.sequences) // GIB)
    return min(max(needed, 1), left // GIB) * GIB


def _too_large(shape: Shape, host: Host, wanted: Wanted, stored: int) -> CannotServe:
    """Not one sequence fits: by how much, and with what it would."""
    total = weights.total_bytes(shape, stored)
    have = host.memory * (host.all_gpus or 1)
    reason = _(
        "It does not fit: the weights take %(weights).1f GiB and one sequence of %(context)d tokens "
        "its cache, and there are %(have).1f GiB, of which %(share)d%% may be used."
    ) % {
        "weights": total / GIB,
        "context": _context(shape, wanted),
        "have": have / GIB,
        "share": round(wanted.share * 100),
    }
    return CannotServe(reason, *_remedies(shape, host, wanted, stored))


def _remedies(shape: Shape, host: Host, wanted: Wanted, stored: int) -> list[str]:
    found = []
    shorter = _context(shape, wanted)
    while shorter > 2048 and not (shorter := shorter // 2) < 2048:
        if _fits(shape, host, replace(wanted, context=shorter), stored):
            found.append(_("A shorter context: --context %(context)d.") % {"context": shorter})
            break
    for gpus in () if host.is_cpu else (1, 2, 4, 8, 16, 32):
        larger = replace(host, gpus=min(gpus, 8), hosts=max(1, gpus // 8))
        if larger.all_gpus > host.all_gpus and _fits(
            shape, larger, replace(wanted, tp=0, pp=0), stored
        ):
            found.append(
                _("%(gpus)d GPUs of %(memory).0f GiB.")
                % {"gpus": gpus, "memory": host.memory / GIB}
            )
            break
    if not shape.quantisation.method:
        found.append(
            _("A version of the model with 4-bit weights (AWQ, GPTQ): about %(size).0f GiB.")
            % {"size": weights.total_bytes(shape, stored) * 0.29 / GIB}
        )
    return found


def _fits(shape: Shape, host: Host, wanted: Wanted, stored: int) -> bool:
    try:
        candidates = _candidates(shape, host, wanted)
    except CannotServe:
        return False
    plans = (_plan(shape, host, wanted, tp=tp, pp=pp, stored=stored) for tp, pp in candidates)
    return any(plan and plan.sequences >= 1 for plan in plans)
