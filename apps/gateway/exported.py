"""What the models were used for, and how their servers are, in Prometheus' words.

Sums come from SQL, so every web process tells the same and none forgets at a restart. Nothing here
names a person, a workspace or an address.
"""

from collections.abc import Iterator
from typing import Any

from django.db.models import Sum
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from apps.gateway import health
from apps.gateway.generator import slots_of
from apps.gateway.models import UsageDay
from apps.gateway.routing.breaker import Health
from apps.gateway.services import serving

_SUMS = {
    "requests": ("answers", "Answers that a model was asked for."),
    "failed": ("answers_failed", "Answers that failed."),
    "prompt_tokens": ("tokens_read", "Tokens that models read."),
    "completion_tokens": ("tokens_written", "Tokens that models wrote."),
    "first_token_ms": ("first_token_milliseconds", "Time to the first word, summed up."),
    "took_ms": ("answer_milliseconds", "Time of whole answers, summed up."),
    "cost": ("cost", "What answers cost, by the prices of their versions."),
}


class _Models(Collector):
    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        sums = {column: Sum(column) for column in _SUMS}
        summed = UsageDay.objects.order_by().values("model").annotate(**sums)
        rows: list[dict[str, Any]] = [dict(row) for row in summed]
        for column, (name, words) in _SUMS.items():
            family = CounterMetricFamily(f"footnote_model_{name}", words, labels=["model"])
            for row in rows:
                family.add_metric([row["model"]], float(row[column] or 0))
            yield family


class _Servers(Collector):
    def collect(self) -> Iterator[GaugeMetricFamily]:
        rows = list(serving())
        known = health.look([str(row.pk) for row in rows])
        aside = GaugeMetricFamily(
            "footnote_server_set_aside", "1: it fails and is left alone.", labels=["server"]
        )
        running = GaugeMetricFamily(
            "footnote_server_running", "Answers under way from this process.", labels=["server"]
        )
        waiting = GaugeMetricFamily(
            "footnote_server_waiting", "Questions that wait in this process.", labels=["server"]
        )
        for row in rows:
            key = str(row.pk)
            is_aside = known[key].until and health.health_of(key) is not Health.CLOSED
            aside.add_metric([row.name], float(bool(is_aside)))
            running.add_metric([row.name], slots_of(key).running)
            waiting.add_metric([row.name], slots_of(key).waiting)
        yield from (aside, running, waiting)


def exported() -> bytes:
    """The text of all figures."""
    registry = CollectorRegistry()
    registry.register(_Models())
    registry.register(_Servers())
    return generate_latest(registry)
