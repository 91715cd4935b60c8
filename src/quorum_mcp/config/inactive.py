"""Settings that are read and checked, but that this version does nothing with: said at start, never ignored silently."""

from quorum_mcp.config.settings import Settings

INACTIVE = (
    "execution",
    "mcp_services",
    "modules",
    "use_local_llm",
)
"""Keys (or sections, or ends of keys) without effect yet."""


def without_effect(settings: Settings) -> list[str]:
    """The keys that the user set and that have no effect in this version."""
    return sorted(key for key in settings.sources if not has_effect(key) and _written(settings, key))


def has_effect(key: str) -> bool:
    """Whether a dotted key, or a section, does anything in this version."""
    return not any(_covers(name, key) for name in INACTIVE)


def _covers(name: str, key: str) -> bool:
    return key == name or key.startswith((f"{name}.", f"{name}[")) or key.endswith(f".{name}")


def _written(settings: Settings, key: str) -> bool:
    return settings.sources[key] != "default"
