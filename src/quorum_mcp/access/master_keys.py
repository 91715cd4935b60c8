"""The master keys: what API keys are recognised with and stored credentials are sealed with.

`QUORUM_SECRET_KEY` holds one key, which is version 1, or several as `2:<key>,1:<key>`: the first protects what is
new, the others still read what is old. Servers that are changed one after the other get the new key in the second
place first, so that all of them know it before any uses it. Where the variable is unset, SQLite's servers make a
file of their own, which is version 0; it stays readable once the variable is set, so moving from the one to the
other invalidates nothing. A master key is never used itself: what hashes and what encrypts are derived from it, each
for its own purpose.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from tempfile import mkstemp

from msgspec import Struct

from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import ConfigError, StoreUnavailable

FILE = "secret.key"
FILE_VERSION = 0
SHORTEST = 16
"""Characters of a master key: one that can be guessed protects nothing."""
MOST_VERSION = 1_000_000
_VERSIONED = re.compile(r"([0-9]+):(.*)", re.DOTALL)
_NONCE = 12
_VERSION_BYTES = 4
_FORM = "one key of at least 16 characters (openssl rand -hex 32), or several, newest first: 2:<key>,1:<key>"


class Sealed(Struct, frozen=True):
    """An encrypted value, and the version of the master key that opens it."""

    version: int
    value: bytes

    @property
    def token(self) -> str:
        """Both in one word of letters, digits, `-` and `_`: a cookie's value may hold no more."""
        raw = self.version.to_bytes(_VERSION_BYTES, "big") + self.value
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    @classmethod
    def read(cls, token: str) -> "Sealed | None":
        """What such a word says; None for any other."""
        try:
            raw = base64.b64decode(
                token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True
            )
        except (binascii.Error, ValueError):
            return None
        return cls(int.from_bytes(raw[:_VERSION_BYTES], "big"), raw[_VERSION_BYTES:])


class MasterKey:
    """One version. `digest` recognises a secret again, `seal` hides one."""

    def __init__(self, version: int, secret: str) -> None:
        self.version = version
        self._secret = secret.encode()

    def digest(self, text: str) -> str:
        """What is stored of an API key: HMAC-SHA256, in hex."""
        return hmac.new(self._digest_key, text.encode(), hashlib.sha256).hexdigest()

    def seal(self, text: str, name: str) -> Sealed:
        """`text` encrypted (AES-256-GCM); it opens under the same `name` only."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE)
        hidden = AESGCM(self._sealing_key).encrypt(nonce, text.encode(), name.encode())
        return Sealed(self.version, nonce + hidden)

    def open(self, value: bytes, name: str) -> str | None:
        """What was sealed under `name`; None where it is not by this key, or was changed."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            return AESGCM(self._sealing_key).decrypt(value[:_NONCE], value[_NONCE:], name.encode()).decode()
        except (InvalidTag, ValueError):
            return None

    @cached_property
    def _digest_key(self) -> bytes:
        return self._derived(b"quorum: digests of API keys")

    @cached_property
    def _sealing_key(self) -> bytes:
        return self._derived(b"quorum: sealed credentials")

    def _derived(self, purpose: bytes) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), length=32, salt=None, info=purpose).derive(self._secret)


class MasterKeys:
    """Every version there is; the first one protects what is new.

    Args:
        named: the versions that the settings name.
        folder: where the file is, or may be made.
        makes_file: whether one is made when the settings name none.
    """

    def __init__(self, named: Sequence[MasterKey], folder: Path, *, makes_file: bool) -> None:
        self._named = tuple(named)
        self._file = folder / FILE
        self._makes_file = makes_file
        self._filed: tuple[MasterKey, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> "MasterKeys":
        """Those of the settings. Raises `ConfigError` where QUORUM_SECRET_KEY cannot be read."""
        named = parse(settings.secret_key) if settings.secret_key else []
        on_sqlite = settings.database_url.startswith("sqlite")
        return cls(named, Path(settings.home), makes_file=on_sqlite)

    def all(self) -> tuple[MasterKey, ...]:
        """The versions that there are now: another process may have made the file a moment ago."""
        if not self._filed and (made := _read(self._file)) is not None:
            self._filed = (MasterKey(FILE_VERSION, made),)
        return self._named + self._filed

    def current(self) -> MasterKey:
        """What new values are protected with; makes the file where there is nothing else.

        Raises:
            ConfigError: there is no master key and none can be made.
        """
        if not (found := self.all()):
            if not self._makes_file:
                raise ConfigError("there is no master key", hint=f"set QUORUM_SECRET_KEY: {_FORM}")
            _make(self._file)
            found = self.all()
        return found[0]

    def open(self, sealed: Sealed, name: str) -> str | None:
        """What was sealed under `name`; None where its master key is gone, or it was changed."""
        for key in self.all():
            if key.version == sealed.version:
                return key.open(sealed.value, name)
        return None


def parse(text: str) -> list[MasterKey]:
    """The versions that QUORUM_SECRET_KEY names, in its order.

    Raises:
        ConfigError: it is malformed; no part of a key is repeated in the message.
    """
    if _VERSIONED.fullmatch(text.partition(",")[0].strip()) is None:
        _long_enough(text.strip(), "the key")
        return [MasterKey(1, text.strip())]
    found: list[MasterKey] = []
    for place, part in enumerate(text.split(","), 1):
        match = _VERSIONED.fullmatch(part.strip())
        if match is None:
            raise _malformed(f"part {place} has no version")
        version, secret = int(match[1][:9]), match[2].strip()
        if not 1 <= version <= MOST_VERSION:
            raise _malformed(f"part {place}: a version is a number from 1 to {MOST_VERSION}")
        if version in {key.version for key in found}:
            raise _malformed(f"version {version} stands there twice")
        _long_enough(secret, f"the key of version {version}")
        found.append(MasterKey(version, secret))
    return found


def _long_enough(secret: str, what: str) -> None:
    if len(secret) < SHORTEST:
        raise _malformed(f"{what} is shorter than {SHORTEST} characters")


def _malformed(why: str) -> ConfigError:
    return ConfigError(f"QUORUM_SECRET_KEY cannot be read: {why}", hint=f"write {_FORM}")


def _read(file: Path) -> str | None:
    try:
        text = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}", hint="check its owner and permissions") from None
    if len(text) < SHORTEST:
        raise ConfigError(
            f"{file} holds no key", hint="restore it from a copy; what is stored cannot be read without it"
        )
    return text


def _make(file: Path) -> None:
    """Make the file, whole or not at all; where another process was quicker, its file stands."""
    try:
        handle, name = mkstemp(prefix=f".{FILE}-", dir=file.parent)  # readable by its owner only
        try:
            with os.fdopen(handle, "w", encoding="ascii") as made:
                made.write(secrets.token_hex(32) + "\n")
                made.flush()
                os.fsync(made.fileno())
            with suppress(FileExistsError):
                os.link(name, file)
        finally:
            Path(name).unlink()
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StoreUnavailable(
            f"{file} cannot be made: {error.strerror}", hint="set QUORUM_HOME to a folder of yours"
        ) from None
