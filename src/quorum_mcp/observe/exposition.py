"""Metrics as Prometheus scrapes them. Its library is loaded by the first scrape, by servers only."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from quorum_mcp.observe.instruments import SECONDS, Counter, Histogram
from quorum_mcp.observe.metrics import GAUGES, Metrics, Reading

if TYPE_CHECKING:
    from prometheus_client import Metric


async def expose(metrics: Metrics, accept: str) -> tuple[bytes, str]:
    """All metrics in the format that the Accept header asks for, and its content type."""
    from prometheus_client import GCCollector, ProcessCollector
    from prometheus_client.exposition import choose_encoder
    from prometheus_client.registry import CollectorRegistry

    registry = CollectorRegistry()
    registry.register(_Collector(metrics, await metrics.readings()))
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Collector:
    def __init__(self, metrics: Metrics, readings: Sequence[Reading]) -> None:
        self._metrics = metrics
        self._readings = readings

    def collect(self) -> "Iterator[Metric]":
        for instrument in self._metrics.counted:
            yield _counter(instrument) if isinstance(instrument, Counter) else _histogram(instrument)
        yield from _gauges(self._readings)


def _counter(counter: Counter) -> "Metric":
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(counter.name, counter.about, labels=counter.labels)
    for labels, count in counter.values.items():
        if count.value:  # else it was only got ready
            family.add_metric(labels, count.value)
    return family


def _histogram(histogram: Histogram) -> "Metric":
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily(histogram.name, histogram.about, labels=histogram.labels)
    bounds = [*map(str, SECONDS), "+Inf"]
    for labels, cells in histogram.values.items():
        counts = list(accumulate(cells.buckets))
        if counts[-1]:  # as above
            family.add_metric(labels, list(zip(bounds, counts, strict=True)), cells.sum)
    return family


def _gauges(readings: Sequence[Reading]) -> "Iterator[Metric]":
    from prometheus_client.core import GaugeMetricFamily

    for name, gauge in GAUGES.items():
        family = GaugeMetricFamily(name, gauge.about, labels=gauge.labels)
        for read, labels, value in readings:
            if read == name:
                family.add_metric(labels, value)
        yield family
