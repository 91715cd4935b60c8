"""The key of an answer: `TENANT:llm:PROVIDER:MODEL:HASH:TEMPERATURE`.

The hash is over the request as it is sent, in the order in which it was written (the order of a schema's
fields changes what a model writes), over the tenant and over the address that it goes to.
"""

import hashlib
from functools import lru_cache

from msgspec import Raw, Struct, msgpack, structs

from quorum_mcp import codec
from quorum_mcp.calls.call import Call
from quorum_mcp.config.settings import CacheSettings
from quorum_mcp.messages import ModelRequest, Native, ToolResult, ToolUse
from quorum_mcp.providers.registry import Target

_encoder = msgpack.Encoder()
_ASIDE = ("model", "stream", "stream_options")
"""Fields of a request in its caller's own words that ask for no other answer, or are in the key by themselves."""
_UNKEPT = frozenset({"store", "logprobs"})
"""Fields that ask for more than is kept of an answer."""


class Name(Struct, frozen=True):
    """A key taken apart; `key` is the part without the tenant, as traces show it."""

    tenant: str
    key: str
    provider: str
    model: str


def key_of(call: Call, target: Target, settings: CacheSettings) -> str | None:
    """The key of a call's answer, None where it must neither be given nor kept."""
    if not call.cache or call.surface == "consensus" or settings.backend == "off":
        return None  # seats and rounds of a panel are meant to be independent of each other
    request, provider = call.request, target.provider
    temperature = target.temperature if request.temperature is None else request.temperature
    native = request.native
    if native is not None and (native.tools or native.unpriced or not _UNKEPT.isdisjoint(native.fields)):
        return None
    if (
        temperature is None  # the vendor's default, which is above any bound that makes sense here
        or temperature > settings.max_temperature
        or request.tools
        or request.task is not None
        or request.searches  # who searches wants to know how things are now
        or request.logprobs is not None
        or request.extra  # fields of one vendor: what they do, and what else they ask for, is not known
        or provider.name in settings.skip_providers
        or provider.kind in ("builtin", "sim")
        or _uses_tools(request)
    ):
        return None
    most = request.max_tokens or target.max_tokens
    place = str(getattr(provider, "base_url", ""))  # the same name may be another server elsewhere
    asked_of = (call.tenant, provider.name, place, target.model)
    try:
        if native is not None:
            content = codec.encode((asked_of, native.wire, most, temperature, _written(native)))
        else:
            if request.temperature is None or request.max_tokens != most:
                request = structs.replace(request, max_tokens=most, temperature=temperature)
            content = _encoder.encode((*asked_of, request))
    except (UnicodeEncodeError, OverflowError):  # half a character, a number beyond 64 bits
        return None
    digest = hashlib.sha256(content).hexdigest()
    return f"{_plain(call.tenant)}:llm:{_plain(provider.name)}:{target.model}:{digest}:{temperature:g}"


def _written(native: Native) -> dict[str, Raw]:
    """A request in its caller's own words; whether it is streamed makes no other answer."""
    fields = native.fields.copy()
    for name in _ASIDE:
        fields.pop(name, None)
    return fields


def _uses_tools(request: ModelRequest) -> bool:
    for turn in request.messages:
        for part in turn.parts:
            if isinstance(part, ToolUse | ToolResult):
                return True
    return False


def of_tenant(tenant: str) -> str:
    """What the keys of a tenant begin with."""
    return f"{_plain(tenant)}:llm:"


def parse(key: str) -> Name:
    """The parts of a key that `key_of` made."""
    tenant, _, rest = key.partition(":")
    provider, _, model = rest.removeprefix("llm:").partition(":")
    return Name(_raw(tenant), rest, _raw(provider), model.rsplit(":", 2)[0])


@lru_cache(maxsize=1_000)
def _plain(name: str) -> str:
    return name.replace("%", "%25").replace(":", "%3A")


def _raw(name: str) -> str:
    return name.replace("%3A", ":").replace("%25", "%")
