"""Providers' keys that are kept in the database: sealed there, opened for the registry, shown to nobody."""

import asyncio
from collections.abc import Mapping
from typing import Literal, Protocol

import structlog

from quorum_mcp.access.master_keys import MasterKeys, Sealed
from quorum_mcp.errors import NotFound
from quorum_mcp.observe.redaction import learn
from quorum_mcp.store.credentials import Credential, Credentials

HINT = 4

log = structlog.get_logger()


class Providers(Protocol):
    """Who uses the keys: the registry of providers."""

    supplied: dict[str, str]
    """The keys in use that came from here, by provider."""

    def supply(self, keys: Mapping[str, str]) -> None:
        """Use these keys, by provider, where the settings have none."""
        ...


class Vault:
    """The stored keys. A key of the environment or of quorum.yaml goes before the stored one of its provider."""

    def __init__(self, store: Credentials, master: MasterKeys, providers: Providers) -> None:
        self._store = store
        self._master = master
        self._providers = providers
        self._stamp: tuple[int, int] | None = None
        self._unreadable: frozenset[str] = frozenset()

    async def refresh(self) -> None:
        """Give the registry what is stored now, if that changed: other processes store keys too."""
        stamp = await self._store.stamp()
        if stamp == self._stamp:
            return
        found: dict[str, str] = {}
        unreadable: set[str] = set()
        for one in await self._store.all():
            value = await asyncio.to_thread(self._open, one)
            if value is None:
                unreadable.add(one.provider)
            else:
                found[one.provider] = value
                learn(value)
        if unreadable - self._unreadable:
            log.warning(
                "access.credentials_unreadable", providers=sorted(unreadable),
                hint="restore QUORUM_SECRET_KEY or the file secret.key, or set them again: `quorum credentials set`",
            )  # fmt: skip
        self._unreadable = frozenset(unreadable)
        self._providers.supply(found)
        self._stamp = stamp

    async def put(self, provider: str, value: str) -> Credential:
        """Store a provider's key, which takes effect here at once."""
        learn(value)
        master = await asyncio.to_thread(self._master.current)
        sealed = await asyncio.to_thread(master.seal, value, provider)
        made = await self._store.put(provider, sealed.version, sealed.value, _hint(value))
        await self.refresh()
        return made

    async def delete(self, provider: str) -> Credential:
        """Remove a provider's key, which ends its use here at once.

        Raises:
            NotFound: none is stored.
        """
        gone = await self._store.delete(provider)
        if gone is None:
            raise NotFound(
                f"no key is stored for {provider}", hint="`quorum credentials list` shows those that are"
            )
        await self.refresh()
        return gone

    async def reseal(self) -> tuple[int, int]:
        """Put every key under the first master key; how many were, and how many cannot be opened."""
        done = lost = 0
        master = await asyncio.to_thread(self._master.current)
        for one in await self._store.all():
            if one.version == master.version:
                continue
            value = await asyncio.to_thread(self._open, one)
            if value is None:
                lost += 1
                continue
            sealed = master.seal(value, one.provider)
            done += await self._store.reseal(one, sealed.version, sealed.value)
        return done, lost

    async def all(self) -> list[Credential]:
        """Every stored key, still sealed."""
        return await self._store.all()

    def state(self, one: Credential) -> Literal["used", "unused", "unreadable"]:
        """`used`; `unused`, where the environment or quorum.yaml has a key; or `unreadable`."""
        if one.provider in self._unreadable:
            return "unreadable"
        return "used" if one.provider in self._providers.supplied else "unused"

    def _open(self, one: Credential) -> str | None:
        return self._master.open(Sealed(one.version, one.sealed), one.provider)


def _hint(value: str) -> str:
    """The last characters, where they are few of many."""
    return value[-HINT:] if len(value) >= 4 * HINT else ""
