"""What a model costs: from the settings, else the bundled price table, else unknown."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, lru_cache, partial
from importlib.metadata import version
from typing import Any, Literal

from msgspec import Struct

from quorum_mcp import money
from quorum_mcp.answers import Usage
from quorum_mcp.config.providers import PriceSettings

FIELDS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
"""What the table calls the prices of input, output, input read from a cache, and written to one."""
SAME_SECONDS = 900
"""For how long a look-up counts: some vendors' prices depend on the time of day, in steps of quarters of an hour."""


class Price(Struct, frozen=True):
    """Nanodollars per million tokens.

    `cached_input` and `cache_write` are the prices of input read from and written to the provider's cache;
    `source` says where the figures come from, for people.
    """

    input: int
    output: int
    cached_input: int
    cache_write: int
    source: Literal["settings", "table", "free"]
    note: str = ""

    def cost(self, usage: Usage) -> int:
        """Nanodollars of one call, rounded up once; the provider's own figure wins."""
        if usage.cost is not None:
            return usage.cost
        plain = max(0, usage.input - usage.cached - usage.cache_write)
        return money.rounded_up(
            plain * self.input
            + usage.cached * self.cached_input
            + usage.cache_write * self.cache_write
            + usage.output * self.output
        )


FREE = Price(0, 0, 0, 0, "free")


@lru_cache(maxsize=256)
def from_settings(price: PriceSettings) -> Price:
    """A price that the user set; cached input costs as much as other input unless set too."""
    plain = money.from_usd(price.input_per_million)
    cached = price.cached_input_per_million
    return Price(
        plain,
        money.from_usd(price.output_per_million),
        plain if cached is None else money.from_usd(cached),
        plain,
        "settings",
    )


def from_table(vendor: str | None, base_url: str, model: str, input_tokens: int = 0) -> Price | None:
    """The price in the bundled table, or None where it has none.

    Args:
        vendor: the table's name of the vendor; None: found by the base URL.
        base_url: the endpoint's base URL.
        model: the provider's name of the model.
        input_tokens: how long the prompt is, for models whose price depends on it.
    """
    entry = _entry(vendor, base_url, model, int(time.time()) // SAME_SECONDS)
    return entry(input_tokens) if callable(entry) else entry


@lru_cache(maxsize=2048)
def _entry(
    vendor: str | None, base_url: str, model: str, moment: int
) -> Price | Callable[[int], Price | None] | None:
    """What the table has for a model: its price, or the price by the length of the prompt where that matters."""
    from genai_prices import data_snapshot

    snapshot = data_snapshot.get_snapshot()
    try:
        found = snapshot.find_provider_model(model, None, vendor, None if vendor else base_url)[1]
    except LookupError:
        return None
    prices = found.get_prices(datetime.fromtimestamp(moment * SAME_SECONDS, UTC))
    if any(hasattr(getattr(prices, name, None), "tiers") for name in FIELDS):
        return partial(_price, prices)
    return _price(prices, 0)


def _price(prices: object, input_tokens: int) -> Price | None:
    plain, output, cached, write = (_nanos(prices, name, input_tokens) for name in FIELDS)
    if plain is None:
        return None
    return Price(
        plain,
        output or 0,
        plain if cached is None else cached,
        plain if write is None else write,
        "table",
        table_note(),
    )


@cache
def table_note() -> str:
    """Which edition of the price table is in use."""
    return f"genai-prices {version('genai-prices')}"


def _nanos(prices: Any, name: str, input_tokens: int) -> int | None:
    value = getattr(prices, name, None)
    if value is None:
        return None
    if not isinstance(value, Decimal):
        # Tiers: the highest whose start is passed counts for the whole prompt.
        tiers = [tier.price for tier in value.tiers if input_tokens > tier.start]
        value = tiers[-1] if tiers else value.base
    return money.from_usd(value)
