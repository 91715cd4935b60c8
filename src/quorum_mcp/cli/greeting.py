"""What a server says when it is ready: where it is, whom it can ask, and what it read."""

import secrets
from typing import TYPE_CHECKING, Any

from quorum_mcp.access.network import is_loopback

if TYPE_CHECKING:
    from quorum_mcp.config.settings import Settings
    from quorum_mcp.providers.registry import Description, Registry


def facts(settings: "Settings", registry: "Registry", url: str, root_path: str) -> dict[str, Any]:
    """Everything that is said, as plain values."""
    described = registry.describe()
    base = url + root_path
    return {
        "ui": f"{base}/",
        "api": f"{base}/api",
        "mcp": f"{base}/mcp",
        "providers": [found.name for found in described if _counts(found)],
        "not_configured": {f.name: f.missing for f in described if not f.configured},
        "config_file": settings.config_file,
        "bridge": _bridge(settings),
    }


def lines(said: dict[str, Any]) -> list[str]:
    """The same for people."""
    providers = ", ".join(said["providers"]) or "none; the built-in solvers answer"
    missing = ", ".join(f"{name} ({why})" for name, why in said["not_configured"].items())
    return [
        f"configuration: {said['config_file'] or 'no quorum.yaml, defaults and environment'}",
        f"UI         {said['ui']}",
        f"API        {said['api']}  (described at {said['api']}/openapi.json)",
        f"MCP        {said['mcp']}",
        *([f"Bridge     {', '.join(said['bridge'].values())}"] if said["bridge"] else []),
        f"Providers  {providers}" + (f"; not: {missing}" if missing else ""),
    ]


def _bridge(settings: "Settings") -> dict[str, str]:
    """Where older clients find it, where they do."""
    server = settings.server
    if not server.bridge:
        return {}
    host = f"[{server.bridge_host}]" if ":" in server.bridge_host else server.bridge_host
    return {
        "rest": f"http://{host}:{server.bridge_rest_port}/mcp/",
        "websocket": f"ws://{host}:{server.bridge_websocket_port}/",
        "tools": f"http://{host}:{settings.mcp_port}/tools/",
    }


def key_advice(settings: "Settings", host: str) -> list[str]:
    """How to let callers in, where nobody off this machine could be."""
    if is_loopback(host) or settings.bootstrap_key is not None:
        return []
    return [
        f"warning: {host} can be reached by other machines and there is no key yet: every caller gets 401",
        "hint: make a key in another terminal of this machine: quorum keys create NAME",
        f"hint: or start with one: QUORUM_BOOTSTRAP_KEY={secrets.token_urlsafe(24)} quorum serve --host {host}",
        "hint: callers send it as `Authorization: Bearer …`, or set QUORUM_API_KEY for quorum ask",
    ]


def _counts(found: "Description") -> bool:
    return found.configured and found.kind not in ("builtin", "sim")
