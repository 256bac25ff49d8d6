"""Into how many tensor and pipeline parallel parts a model can be cut, and why not into others."""

from django.utils.translation import gettext as _

from apps.engines.vllm.shape import Shape


def obstacle(shape: Shape, *, tp: int, pp: int) -> str:
    """Why vLLM would refuse this split; "" where it takes it."""
    for name, size in _must_divide(shape):
        if size % tp:
            return _("%(size)d %(name)s cannot be divided by %(tp)d.") % {
                "size": size,
                "name": name,
                "tp": tp,
            }
    if not shape.latent and shape.kv_heads % tp and tp % shape.kv_heads:
        return _("%(heads)d KV heads can be neither divided nor copied onto %(tp)d GPUs.") % {
            "heads": shape.kv_heads,
            "tp": tp,
        }
    if pp > shape.layers:
        return _("%(layers)d layers do not make %(pp)d stages.") % {
            "layers": shape.layers,
            "pp": pp,
        }
    return _cut_group(shape, tp)


def _must_divide(shape: Shape) -> list[tuple[str, int]]:
    found = [(_("attention heads"), shape.heads)]
    if shape.experts is None or shape.experts.dense:
        found.append((_("columns of the feed-forward layer"), shape.intermediate))
    if shape.experts:
        found.append((_("columns of an expert"), shape.experts.size))
    return found


def _cut_group(shape: Shape, tp: int) -> str:
    """Quantised weights share scales in groups; a split must not go through one."""
    group = shape.quantisation.group
    widths = [shape.experts.size] if shape.experts else [shape.intermediate]
    if not group or all((width // tp) % group == 0 for width in widths):
        return ""
    return _(
        "%(part)d columns on each GPU cut through the groups of %(group)d quantised weights."
    ) % {
        "part": widths[0] // tp,
        "group": group,
    }


def splits(shape: Shape, *, gpus: int, hosts: int) -> list[tuple[int, int]]:
    """(tp, pp) that vLLM takes: fewest stages first, since each adds waiting, then fewest GPUs. A
    tensor parallel group never leaves its host: it talks too much."""
    found = [
        (tp, pp)
        for tp in range(1, gpus + 1)
        for pp in range(1, gpus * hosts // tp + 1)
        if not obstacle(shape, tp=tp, pp=pp) and _is_placeable(tp, pp, gpus=gpus, hosts=hosts)
    ]
    return sorted(found, key=lambda each: (each[1], each[0]))


def _is_placeable(tp: int, pp: int, *, gpus: int, hosts: int) -> bool:
    in_one = gpus // tp
    return pp <= in_one or (pp % in_one == 0 and pp // in_one <= hosts)
