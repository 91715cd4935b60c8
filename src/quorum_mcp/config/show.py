"""Every setting with its value and its source, as `quorum config show` prints them."""

from typing import Any, TypedDict

from msgspec import Struct
from msgspec.structs import fields

from quorum_mcp.config.load import DEFAULT
from quorum_mcp.config.secrets import MASK, is_secret_key, masked
from quorum_mcp.config.settings import Settings


class Row(TypedDict):
    """One setting: its dotted key, its value (secrets masked), where the value came from."""

    key: str
    value: Any
    source: str


def show(settings: Settings) -> list[Row]:
    """All settings in the order of quorum.yaml, then the variables, then the vendors' keys that are set.

    Fixed keys are all shown; of a named entry (`providers.lab.…`) those that were written.
    """
    rows: list[Row] = []
    for info in fields(settings):
        value = getattr(settings, info.name)
        if info.name == "config_file":
            rows.append({"key": info.name, "value": value, "source": "found" if value else DEFAULT})
        elif info.name not in ("env", "sources"):
            _rows(rows, settings, info.name, value)
    for name, source in settings.sources.items():
        if name.endswith(("_API_KEY", "_BASE_URL")):
            shown = MASK if name.endswith("_API_KEY") else masked(name, settings.env.get(name))
            rows.append({"key": name, "value": shown, "source": source})
    return rows


def _rows(rows: list[Row], settings: Settings, key: str, value: Any) -> None:
    source = settings.sources.get(key)
    if isinstance(value, Struct) and source is None:
        for info in fields(value):
            _rows(rows, settings, f"{key}.{info.name}", getattr(value, info.name))
    elif isinstance(value, dict) and source is None:
        for name, inner in value.items():  # pyright: ignore[reportUnknownVariableType]
            _rows(rows, settings, f"{key}.{name}", inner)
    elif source is not None:
        # A struct with a source of its own is one that was written empty, as `openai: {}`.
        name = "secret" if is_secret_key(key) else key.rpartition(".")[2]
        shown = {} if isinstance(value, Struct) else masked(name, value)
        rows.append({"key": key, "value": shown, "source": source})
