"""The vendors Quorum knows: data from `catalog.toml`, so that an OpenAI-shaped vendor needs no Python."""

import tomllib
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec
from msgspec import Struct

from quorum_mcp.providers.base import Kind
from quorum_mcp.providers.wire import Dialect


class Vendor(Struct, frozen=True, forbid_unknown_fields=True):
    """One vendor.

    Attributes:
        base_url: without a version path, except on the openai wire.
        keys: variables of the environment that may hold the key, the first that is set counts; none
            needed where this is empty.
        base_urls: variables that may hold another base URL.
        model: what the vendor's bare name stands for, as of the catalogue's date; None: ask its list.
        models: names known at that date.
        dialect: where the vendor differs from the wire's usual ways.
        prices: the vendor's name in the price table, None where it is not there.
        moderation: the model that judges where a request for moderation names none.
        free: patterns of the models that cost nothing, which the price table has without prices.
    """

    wire: Literal["openai", "anthropic", "google", "mistral", "ollama"]
    base_url: str
    title: str
    keys: tuple[str, ...] = ()
    base_urls: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    model: str | None = None
    models: tuple[str, ...] = ()
    prices: str | None = None
    moderation: str | None = None
    free: tuple[str, ...] = ()
    kind: Kind = "remote"
    auth: str | None = None
    dialect: Dialect | None = None


class LocalServer(Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of server that may run on this machine; `owner` begins the `owned_by` of the models it lists."""

    title: str
    wire: Literal["openai", "ollama"]
    base_url: str
    owner: str | None = None


class Catalog(Struct, frozen=True, forbid_unknown_fields=True):
    """All vendors, and the day their model names were looked up; `dialects` is each wire's usual one."""

    checked: date
    vendors: dict[str, Vendor]
    dialects: dict[str, Dialect] = {}
    servers: dict[str, LocalServer] = {}

    def dialect(self, wire: str, vendor: Vendor | None = None) -> Dialect:
        """How a vendor, or any other endpoint of a wire, speaks it."""
        if vendor is not None and vendor.dialect is not None:
            return vendor.dialect
        return self.dialects.get(wire, Dialect())

    def alias(self, name: str) -> str | None:
        """The vendor that `name` is another name of."""
        return next((vendor for vendor, entry in self.vendors.items() if name in entry.aliases), None)


def parse_catalog(text: str) -> Catalog:
    """A catalogue from TOML; raises `msgspec.ValidationError` for a field that does not exist."""
    return msgspec.convert(tomllib.loads(text), Catalog)


@cache
def catalog() -> Catalog:
    """The catalogue that comes with Quorum."""
    return parse_catalog((files("quorum_mcp.providers") / "catalog.toml").read_text("utf-8"))
