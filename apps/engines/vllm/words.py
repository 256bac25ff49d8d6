"""A plan in sentences: the arithmetic line by line, as somebody would check it with a pencil."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from apps.engines.vllm.hosts import GIB
from apps.engines.vllm.plan import Plan


def lines_of(plan: Plan) -> Iterator[str]:
    """The plan for a person, in the active language."""
    yield _(
        "%(architecture)s on %(place)s: tensor parallel %(tp)d, pipeline parallel %(pp)d; "
        "replicas: %(replicas)d."
    ) % {
        "architecture": plan.architecture,
        "place": _place(plan),
        "tp": plan.tp,
        "pp": plan.pp,
        "replicas": plan.replicas,
    }
    yield _("Numbers: %(dtype)s; weights: %(weights)s; KV cache: %(cache)s.") % {
        "dtype": plan.dtype,
        "weights": plan.quantisation or plan.dtype,
        "cache": plan.dtype if plan.cache_dtype == "auto" else plan.cache_dtype,
    }
    yield from _memory(plan)
    yield from _cache(plan)
    yield from _notes(plan)


def _place(plan: Plan) -> str:
    if plan.is_cpu:
        return _("%(count)d processors") % {"count": plan.processors}
    return _("%(hosts)d × %(gpus)d GPUs of %(memory).0f GiB") % {
        "hosts": plan.hosts,
        "gpus": plan.gpus,
        "memory": plan.memory / GIB,
    }


def _memory(plan: Plan) -> Iterator[str]:
    usable = plan.memory * plan.share / plan.shares
    yield _("  memory of each    %(memory)8.2f GiB × %(share).2f = %(usable).2f GiB") % {
        "memory": plan.memory / GIB / plan.shares,
        "share": plan.share,
        "usable": usable / GIB,
    }
    yield _("− weights          %(weights)8.2f GiB (%(total).2f GiB in all)") % {
        "weights": plan.weights / GIB,
        "total": plan.weights_total / GIB,
    }
    yield _("− reserve          %(reserve)8.2f GiB (activations, graphs; an estimate)") % {
        "reserve": plan.reserve / GIB
    }
    yield _("= KV cache         %(cache)8.2f GiB") % {"cache": plan.cache / GIB}


def _cache(plan: Plan) -> Iterator[str]:
    yield _("  one token        %(token)8d bytes in blocks of %(block)d tokens") % {
        "token": plan.token,
        "block": plan.block,
    }
    yield _("  tokens in cache  %(tokens)8d") % {"tokens": plan.cache_tokens}
    yield _("  at once          %(sequences)8.2f sequences of %(context)d tokens") % {
        "sequences": plan.sequences,
        "context": plan.context,
    }


def _notes(plan: Plan) -> Iterator[str]:
    if plan.is_cpu:
        yield _("A CPU is for trying out: a model this size answers a few people slowly.")
    if plan.needs_ray:
        yield _(
            "One replica is larger than a host: start the Ray cluster first (docs/engines-vllm.md)."
        )
    if plan.brings_code:
        yield _("The folder names code of its own (auto_map). It is not run.")
