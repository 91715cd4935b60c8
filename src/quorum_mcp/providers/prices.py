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
from quorum_mcp.answers import Media, Usage
from quorum_mcp.config.providers import PriceSettings

FIELDS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
"""What the table calls the prices of input, output, input read from a cache, and written to one."""
MEDIA_FIELDS = ("input_audio_mtok", "output_audio_mtok", "input_image_mtok", "output_image_mtok")
"""The same of sound and images."""
CHARACTERS, HOURS = "input_mchars", "input_audio_hours"
"""What it calls the prices of models that are not priced by tokens."""
SAME_SECONDS = 900
"""For how long a look-up counts: some vendors' prices depend on the time of day, in steps of quarters of an hour."""


class MediaPrice(Struct, frozen=True):
    """Nanodollars per million tokens of sound and images, per million characters that are spoken, per hour heard.

    None where tokens of that kind cost as others do, and where there is no such price.
    """

    audio_input: int | None = None
    audio_output: int | None = None
    image_input: int | None = None
    image_output: int | None = None
    characters: int | None = None
    hour: int | None = None

    def cost(self, media: Media, input: int, output: int) -> int:  # noqa: A002 - the field's name
        """What is added to the price of plain tokens, in nanodollars times a million."""
        more = 0
        for name, plain in (
            ("audio_input", input),
            ("audio_output", output),
            ("image_input", input),
            ("image_output", output),
        ):
            if (price := getattr(self, name)) is not None:
                more += getattr(media, name) * (price - plain)
        more += media.characters * (self.characters or 0)
        return more + round(media.seconds * (self.hour or 0) * 1_000_000 / 3600)


_PLAIN = MediaPrice()
_NOTHING = Media()


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
    media: MediaPrice | None = None
    search: int | None = None
    """Nanodollars of one web search; None: unknown."""

    @property
    def free(self) -> bool:
        """Whether it costs nothing at all."""
        return not self.input and not self.output and self.media is None

    def covers(self, usage: Usage) -> bool:
        """Whether this says what that usage costs: a price by tokens says nothing of seconds, nor the other way."""
        if usage.searches and self.search is None:
            return False
        if self.free or (usage.media is None and self.media is None):
            return True
        used, prices = usage.media or _NOTHING, self.media or _PLAIN
        if (prices.characters and used.characters) or (prices.hour and used.seconds):
            return True
        if usage.input or usage.output:
            return bool(self.input or self.output)
        return not used.characters and not used.seconds

    def cost(self, usage: Usage) -> int:
        """Nanodollars of one call, rounded up once; the provider's own figure wins."""
        if usage.cost is not None:
            return usage.cost
        cached, written = usage.cached, usage.cache_write
        total = usage.input * self.input + usage.output * self.output
        if cached or written:
            plain = max(0, usage.input - cached - written)
            total += (plain - usage.input) * self.input + cached * self.cached_input
            total += written * self.cache_write
        if usage.media is not None and self.media is not None:
            total += self.media.cost(usage.media, self.input, self.output)
        return money.rounded_up(total) + usage.searches * (self.search or 0)


FREE = Price(0, 0, 0, 0, "free", search=0)


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
        search=None
        if price.searches_per_thousand is None
        else money.from_usd(price.searches_per_thousand) // 1000,
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
    media = _media(prices, input_tokens)
    if plain is None and media is None:
        return None
    plain = plain or 0
    return Price(
        plain,
        output or 0,
        plain if cached is None else cached,
        plain if write is None else write,
        "table",
        table_note(),
        media,
        _per_search(prices),
    )


def _per_search(prices: object) -> int | None:
    thousand = getattr(prices, "web_searches_kcount", None)
    return money.from_usd(thousand) // 1000 if isinstance(thousand, Decimal) else None


def _media(prices: object, input_tokens: int) -> MediaPrice | None:
    found = MediaPrice(*(_nanos(prices, name, input_tokens) for name in (*MEDIA_FIELDS, CHARACTERS, HOURS)))
    return found if found != _PLAIN else None


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
