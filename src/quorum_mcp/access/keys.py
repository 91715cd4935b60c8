"""API keys: made, recognised in every request, revoked.

What was looked up is believed while no key is revoked anywhere, which is asked once a second for all keys together:
a key that another process revoked stops working within two seconds, one that was revoked here at once.
"""

import asyncio
import hashlib
import os
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from msgspec import Struct, structs

from quorum_mcp.access.master_keys import MasterKeys
from quorum_mcp.access.principal import USER, KeyRule, Principal
from quorum_mcp.access.recent import Recent
from quorum_mcp.errors import Forbidden, StoreUnavailable
from quorum_mcp.ids import new_id
from quorum_mcp.store.api_keys import ApiKey, ApiKeys
from quorum_mcp.store.clock import MICROSECONDS, now_us
from quorum_mcp.store.page import Page

PREFIX = "qk_"
LENGTH = len(PREFIX) + 43
HINT = 4
GRACE_SECONDS = 10.0
"""How long a key goes on working that was known when the store went away."""
USED_EVERY = 60 * MICROSECONDS
"""How exact `last_used_at` is."""
WRITE_AFTER = 1.0
BELIEVED_SECONDS = 60.0
"""How long a key is believed at the most: whoever changes the database by hand is seen after that."""
MOST_KNOWN = 16_384
MOST_UNKNOWN = 1024
_ROOTLESS = frozenset({"local", "bootstrap"})
"""Principals that are no API key."""

log = structlog.get_logger()
Entry = Recent[ApiKey | None]


class _Known(Struct, frozen=True):
    """A key that was recognised, and until when it is believed (monotonic seconds)."""

    key: ApiKey
    principal: Principal
    until: float


class Keys:
    """The API keys, as this process knows them. One per process; `close` it before the database."""

    def __init__(self, store: ApiKeys, master: MasterKeys) -> None:
        self._store = store
        self._master = master
        self._salt = os.urandom(32)
        self._known: dict[bytes, _Known] = {}
        """Replaced when any key is revoked: what was looked up before that goes into the old one."""
        self._asked: dict[bytes, Entry] = {}
        self._revision = Recent(store.revision, grace=GRACE_SECONDS)
        self._seen: str | None = None
        self._any = Recent(store.exist, grace=float("inf"))
        self._used: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def exist(self) -> bool:
        """Whether a key was ever made: from then on everybody needs one.

        What was read last holds while the store is away.
        """
        return bool(self._any.last) or await self._any.get()

    def known(self, shown: str) -> Principal | None:
        """Who shows this key, where that was looked up a moment ago; None: `principal` knows."""
        known = self._known.get(self._name(shown)) if shown.isascii() else None
        if known is None or self._seen is None or self._revision.fresh != self._seen:
            return None
        now = now_us()
        if known.until <= time.monotonic() or not known.key.usable(now):
            return None
        self._note_use(known.key, now)
        return known.principal

    async def principal(self, shown: str) -> Principal | None:
        """Who shows this key; None for a key that is unknown, revoked or expired.

        Raises:
            StoreUnavailable: nobody knows, since the store cannot be read.
        """
        if not (shown.startswith(PREFIX) and len(shown) == LENGTH and shown.isascii()):
            return None
        await self._look_for_revoked()
        name = self._name(shown)
        known = self._known.get(name)
        if known is None or known.until <= time.monotonic():
            known = await self._recognised(name, shown, known)
        now = now_us()
        if known is None or not known.key.usable(now):
            return None
        self._note_use(known.key, now)
        return known.principal

    async def _look_for_revoked(self) -> None:
        """Believe nothing any more that was looked up before a key was revoked."""
        revision = await self._revision.get()
        if revision != self._seen:
            self._seen = revision
            self._believe_nothing()

    async def _recognised(self, name: bytes, shown: str, before: _Known | None) -> _Known | None:
        """Look a key up; `before` holds on while the store is away."""
        all_known, entry = self._known, self._asked.get(name) or self._ask(name, shown)
        try:
            key = await entry.get()
        except StoreUnavailable:
            if before is None:
                raise
            return before
        if key is None:
            all_known.pop(name, None)
            return None
        self._asked.pop(name, None)
        self._any.put(True)
        known = all_known[name] = _Known(key, principal_of(key), time.monotonic() + BELIEVED_SECONDS)
        if len(all_known) > MOST_KNOWN:
            all_known.pop(next(iter(all_known)))
        return known

    def _name(self, shown: str) -> bytes:
        """Under which a key is remembered: it is not kept itself."""
        return hashlib.blake2b(shown.encode(), key=self._salt, digest_size=16).digest()

    async def rule(self, principal_id: str, tenant: str) -> KeyRule | None:
        """What holds for the calls of a principal, known by its id; None where it is no API key and no user.

        A run goes on under its key's rule when the key has ended meanwhile.

        Raises:
            Forbidden: there is no such key.
        """
        if principal_id in _ROOTLESS:
            return None
        if principal_id.startswith(USER):
            return KeyRule(id=principal_id, tenant=tenant)
        key = await self._store.get(principal_id)
        if key is None:
            raise Forbidden(f"there is no key {principal_id}", hint="ask again with a key that there is")
        return rule_of(key)

    async def create(
        self,
        tenant: str,
        name: str,
        *,
        scopes: frozenset[str],
        models: tuple[str, ...] | None = None,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        expires_at: int | None = None,
    ) -> tuple[ApiKey, str]:
        """A new key: as it is stored, and the key itself, which nobody can read again.

        Raises:
            NotFound: there is no organisation of this id.
            ConfigError: there is no master key.
        """
        shown = PREFIX + secrets.token_urlsafe(32)
        master = await asyncio.to_thread(self._master.current)
        digest = await asyncio.to_thread(master.digest, shown)
        made = ApiKey(
            id=new_id("key"), tenant=tenant, name=name, digest=digest, digest_version=master.version,
            hint=shown[-HINT:], scopes=tuple(sorted(scopes)), models=models, requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute, created_at=now_us(), expires_at=expires_at,
        )  # fmt: skip
        await self._store.add(made)
        self._any.put(True)
        return made, shown

    async def page(self, tenant: str | None, *, limit: int, cursor: str | None) -> Page[ApiKey]:
        """Keys, newest first; None: of every tenant."""
        await self._flush()
        return await self._store.page(tenant, limit=limit, cursor=cursor)

    async def revoke(self, key_id: str, tenant: str | None) -> ApiKey | None:
        """End a key; in this process it works no more when this returns. None where the tenant has none of this id."""
        try:
            return await self._store.revoke(key_id, tenant)
        finally:
            self.forget()

    def forget(self) -> None:
        """Look every key up again before it is next believed."""
        self._revision.forget()
        self._believe_nothing()

    async def check(self) -> None:
        """Say it when there are keys that no master key recognises: their holders are refused."""
        versions = {key.version for key in self._master.all()}
        if lost := await self._store.versions() - versions:
            log.warning(
                "access.master_key_missing", versions=sorted(lost),
                hint="keys made under these versions are refused: restore QUORUM_SECRET_KEY or the file secret.key",
            )  # fmt: skip

    async def close(self) -> None:
        """Store what is still to be stored."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(StoreUnavailable):
            await self._flush()

    def _believe_nothing(self) -> None:
        self._known = {}
        for entry in self._asked.values():
            entry.forget()

    def _ask(self, name: bytes, shown: str) -> Entry:
        """A new question to the store. A flood of wrong keys pushes out no known one."""
        entry = self._asked[name] = Recent(lambda: self._look_up(shown), grace=GRACE_SECONDS)
        if len(self._asked) > MOST_UNKNOWN:
            self._asked.pop(next(iter(self._asked)))
        return entry

    async def _look_up(self, shown: str) -> ApiKey | None:
        digests = await asyncio.to_thread(self._digests, shown)
        if not digests:
            return None
        # How long the database compares digests tells nothing about the key: nobody can aim at a digest.
        found = await self._store.recognise([digest for _, digest in digests])
        version, digest = digests[0]
        if found is not None and found.digest_version != version and found.usable(now_us()):
            self._spawn(lambda: self._store.redigest(found, digest, version))
            return structs.replace(found, digest=digest, digest_version=version)
        return found

    def _digests(self, shown: str) -> list[tuple[int, str]]:
        """What is stored of this key under each master key, by version; takes long where it is the first."""
        return [(master.version, master.digest(shown)) for master in self._master.all()]

    def _note_use(self, key: ApiKey, now: int) -> None:
        if now - max(key.last_used_at or 0, self._told.get(key.id, 0)) < USED_EVERY:
            return
        if len(self._told) > 2 * MOST_KNOWN:
            self._told.clear()
        self._told[key.id] = now
        if not self._used:
            self._spawn(self._flush_soon)
        self._used[key.id] = now

    async def _flush_soon(self) -> None:
        await asyncio.sleep(WRITE_AFTER)
        await self._flush()

    async def _flush(self) -> None:
        used, self._used = self._used, {}
        if used:
            await self._store.used(used)

    def _spawn(self, work: Callable[[], Awaitable[None]]) -> None:
        """Write something that nobody waits for, and that may be lost."""

        async def written() -> None:
            with suppress(StoreUnavailable):
                await work()

        task = asyncio.create_task(written(), name="api keys: write")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def principal_of(key: ApiKey) -> Principal:
    """The caller who shows this key."""
    return Principal(key.id, key.tenant, frozenset(key.scopes), "key", rule_of(key))


def rule_of(key: ApiKey) -> KeyRule:
    """What holds for the key's calls."""
    return KeyRule(
        id=key.id,
        tenant=key.tenant,
        models=key.models,
        requests_per_minute=key.requests_per_minute,
        tokens_per_minute=key.tokens_per_minute,
    )
