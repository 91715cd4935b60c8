"""What must not be shown of the settings: one rule for reprs, for `config show` and for error messages."""

import re
from typing import Any
from urllib.parse import unquote, urlsplit

from msgspec import Struct
from msgspec.structs import fields

MASK = "***"

_SECRET = re.compile(
    r"(.*_)?(api_?keys?|secrets?|secret_key|bootstrap_key|private_key|access_key|encryption_key|token|password"
    r"|passwd|passphrase|credentials?|authorization|cookie)",
    re.IGNORECASE,
)
_SECRET_PARAMETER = re.compile(r"(.*[_-])?(key|sig|signature|code|auth)", re.IGNORECASE)
"""What else holds a secret in the query of a URL."""
_SECRET_MAPPINGS = frozenset({"env", "headers"})
_ASSIGNED = re.compile(r"(?<=[?&])([^=&#]+)=([^&#]*)")


def is_secret(name: str) -> bool:
    """Whether the values of a key of this name (its last part, no dots) are secret."""
    return _SECRET.fullmatch(name) is not None


def is_secret_key(key: str) -> bool:
    """Whether a dotted key is secret: by one of its names, or as a value of `env` or `headers`."""
    names = [part.partition("[")[0] for part in key.split(".")]
    return any(is_secret(name) or name in _SECRET_MAPPINGS for name in names)


def masked(name: str, value: Any) -> Any:
    """`value` as it may be shown under a key of this name; structs become mappings, tuples lists."""
    if value is None or value == "" or isinstance(value, bool | int | float):
        return MASK if value not in (None, "") and is_secret(name) else value
    if isinstance(value, str):
        return MASK if is_secret(name) else _without_credentials(value)
    if isinstance(value, dict):
        hidden = name in _SECRET_MAPPINGS or is_secret(name)
        return {key: MASK if hidden else masked(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked(name, inner) for inner in value]
    if isinstance(value, Struct):
        return {info.name: masked(info.name, getattr(value, info.name)) for info in fields(value)}
    return MASK


def _without_credentials(text: str) -> str:
    """`text`, without the password and the secret parameters if it is a URL."""
    if "://" not in text:
        return text
    try:
        user_info, _, _ = urlsplit(text).netloc.rpartition("@")
    except ValueError:
        return MASK
    if user_info:
        text = text.replace(f"{user_info}@", f"{MASK}@", 1)
    return _ASSIGNED.sub(_parameter, text)


def secret_parameters(url: str) -> list[str]:
    """The values in a URL's query that are secret by their names, as they are written and as they are meant."""
    values = [found[2] for found in _ASSIGNED.finditer(url) if hides(found[1])]
    return [*values, *map(unquote, values)]


def hides(name: str) -> bool:
    """Whether a parameter of a URL or a header of this name holds a secret."""
    name = name.replace("-", "_")
    return is_secret(name) or _SECRET_PARAMETER.fullmatch(name) is not None


def _parameter(found: re.Match[str]) -> str:
    name, value = found.groups()
    return f"{name}={MASK if hides(name) else value}"


class Masked(Struct, frozen=True):
    """Base of settings that hold secrets: their repr shows none, in a debugger, a log or a traceback."""

    def __repr__(self) -> str:
        """The fields that are set, masked."""
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.__rich_repr__())})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """The same for rich, which would else read the fields itself."""
        values = [(info.name, getattr(self, info.name)) for info in fields(self)]
        return [(name, masked(name, value)) for name, value in values if value]
