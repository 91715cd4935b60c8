"""Keys that this version reads and checks, but that change nothing yet: said, so that nobody relies on them."""

from collections.abc import Mapping

from quorum_mcp.config.load import DEFAULT

UNUSED = frozenset(
    {
        "strategies",
        "execution",
        "mcp_services",
        "budgets",
        "webhooks",
        "guardrails",
        "modules",
        "cache",
        "records",
        "files",
        "server.bridge",
        "server.metrics_port",
        "providers.limits.requests_per_minute",
        "providers.limits.tokens_per_minute",
        "default_requests_per_minute",
        "default_tokens_per_minute",
        "default_budget_limit",
        "default_budget_period",
        "max_cost_per_request",
        "daily_limit",
        "redis_url",
        "mcp_port",
        "secret_key",
        "use_local_llm",
    }
)
"""Dotted keys without the names that the user chose; a section stands for all its keys."""


def has_effect(key: str) -> bool:
    """Whether a key does anything; `key` is dotted, without chosen names (`providers.limits.concurrency`)."""
    parts = key.split(".")
    return not any(".".join(parts[:end]) in UNUSED for end in range(1, len(parts) + 1))


def without_effect(sources: Mapping[str, str]) -> list[str]:
    """The keys of `Settings.sources` that somebody set and that change nothing."""
    return [key for key, source in sources.items() if source != DEFAULT and not has_effect(_bare(key))]


def _bare(key: str) -> str:
    """The key without the name of a provider."""
    parts = key.split(".")
    return ".".join(parts[:1] + parts[2:]) if parts[0] == "providers" else key
