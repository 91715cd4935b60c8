"""docs/reference/events.md: the envelope, and what each type of event holds."""

from typing import get_args, get_type_hints

from quorum_mcp.event_data import DATA
from quorum_mcp.events import ENDINGS, EventType

from .attributes import attributes, bases
from .markdown import anchor, code, page, prose, table
from .types import of_hint

INTRO = """
Everything that happens in a run is told in one envelope, the same on every surface: the server-sent events of
`POST /api/query` with `stream` and of `GET /api/session/{session_id}/events`, the WebSocket, `quorum ask --jsonl`,
and the SDK's `stream` and `follow`.

```json
{"v": 1, "run_id": "ses_…", "seq": 7, "ts": "2026-11-21T08:00:00.000Z", "type": "call.finished", "data": {}}
```

| field | type | meaning |
| --- | --- | --- |
| `v` | integer | The version of the envelope. |
| `run_id` | text | The session; empty for events that belong to none. |
| `seq` | integer | Grows strictly within a session. Deltas take numbers too but are not stored, so the log has gaps. |
| `ts` | text | When, ISO 8601 in UTC. |
| `type` | text | One of the types below. |
| `data` | object | What; its fields are below. Those of a run, except deltas, carry `turn`: the number of the question. |

Re-attach with the last number you have seen: `?after=SEQ`, or the header `Last-Event-ID`. Stored events come first,
then live ones. A call that is going on begins with its text so far.
"""

SOCKET = """
A WebSocket at `/ws` carries the same events. A client sends JSON objects with an `action`:

| action | more fields | does |
| --- | --- | --- |
| `query` | those of a [query](operations.md#query) | asks, and follows the run |
| `subscribe` | `run_id`, `after` | follows a run, from the event numbered above `after`; without `run_id` every run of the caller |
| `cancel` | `run_id` | stops a run |
| `ping` | | is answered with `pong` |

An `id` in a request comes back in the answer's `data`. The answer has the type `accepted`, `pong` or `error`, and the
number 0. While a client follows nothing, or everything, it gets `stats` every five seconds, and alerts as they come,
whichever server raised them. Closing the connection stops no run. A browser's page may connect if its origin may call
the server; a key goes into the headers.
"""


def events_page() -> str:
    """The page."""
    parts = [INTRO]
    for name in get_args(EventType):
        if name in DATA:
            parts += [f"## {name}", _about(name), _fields(DATA[name])]
    parts += ["## WebSocket", SOCKET]
    unsent = [code(name) for name in get_args(EventType) if name not in DATA]
    if unsent:
        parts.append(f"Reserved, and not sent by this version: {', '.join(unsent)}.")
    return page("Events", *parts)


def _about(name: str) -> str:
    text = prose(DATA[name].__doc__ or "")
    return f"{text} No event of the turn follows." if name in ENDINGS else text


def _fields(shape: type) -> str:
    """The fields; those of another type's shape that it is written upon are only named."""
    meanings, hints, said = attributes(shape), get_type_hints(shape), ""
    upon = next((name for name, other in DATA.items() if other.__name__ in bases(shape)), None)
    if upon is not None:
        hints = {name: hint for name, hint in hints.items() if name not in get_type_hints(DATA[upon])}
        said = f"The fields of [{upon}](#{anchor(upon)}){', and:' if hints else '.'}\n\n"
    rows = [(code(name), of_hint(hint), meanings[name]) for name, hint in hints.items()]
    return said + table(("field", "type", "meaning"), rows)
