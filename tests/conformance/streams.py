"""What stands in a stream of server-sent events."""

import json
from typing import Any


def data_of(text: str) -> list[Any]:
    """The data of every event, read as JSON where it is; an event's name must be its data's type."""
    found: list[Any] = []
    for block in text.strip().split("\n\n"):
        lines = dict(line.partition(": ")[::2] for line in block.split("\n"))
        data = lines["data"] if lines["data"] == "[DONE]" else json.loads(lines["data"])
        assert "event" not in lines or lines["event"] == data["type"], block
        found.append(data)
    return found
