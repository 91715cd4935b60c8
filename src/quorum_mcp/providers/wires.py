"""The wires by name; each is loaded when the first provider speaks it."""

from importlib import import_module
from typing import Any, cast

from quorum_mcp.errors import ConfigError
from quorum_mcp.providers.wire import Dialect, Wire

WIRES = {
    "openai": ("quorum_mcp.providers.openai", "OpenAIWire"),
    "anthropic": ("quorum_mcp.providers.anthropic", "AnthropicWire"),
    "google": ("quorum_mcp.providers.google", "GoogleWire"),
    "mistral": ("quorum_mcp.providers.mistral", "MistralWire"),
    "ollama": ("quorum_mcp.providers.ollama", "OllamaWire"),
}


def load_wire(name: str, dialect: Dialect | None = None) -> Wire:
    """The wire called `name`; raises `ConfigError` for a name that there is not."""
    if name not in WIRES:
        raise ConfigError(f"unknown wire {name!r}", hint=f"the wires are {', '.join(WIRES)}")
    module, kind = WIRES[name]
    make: Any = getattr(import_module(module), kind)
    return cast("Wire", make(dialect or Dialect()))
