"""docs/reference/metrics.md: what `/metrics` shows."""

from quorum_mcp.observe.instruments import Instrument
from quorum_mcp.observe.metrics import GAUGES, Metrics

from .markdown import code, page, table

INTRO = """
`GET /metrics` answers in Prometheus's text format, or in OpenMetrics where the request asks for it. It is on the main
port and, where [`server.metrics_port`](settings.md#server) is set, on a port of its own; both ask for a key as the rest
of the server does: a caller on this machine needs none while there is no key and the server listens on loopback only.
The figures cover every organisation, so they are for the operator's keys with the scope `read`, and for `admin`.

Counters and histograms are those of one process, from its start. No label holds a text of a caller: a model has series
of its own if the settings name it, its provider lists it or it has answered, and any other is `other`; so are models
beyond the first 300. A histogram in seconds also has `_bucket`, `_sum` and `_count`.
"""


def metrics_page() -> str:
    """The page."""
    every = sorted((*Metrics().counted, *GAUGES.values()), key=lambda one: one.exposed)
    return page("Metrics", INTRO, table(("metric", "type", "labels", "meaning"), map(_row, every)))


def _row(one: Instrument) -> tuple[str, ...]:
    return code(one.exposed), one.kind, ", ".join(map(code, one.labels)), one.about
