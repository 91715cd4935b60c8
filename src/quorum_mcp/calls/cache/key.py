"""The key of an answer: `TENANT:llm:PROVIDER:MODEL:HASH:TEMPERATURE`.

The hash is over the request as it is sent, in the order in which it was written (the order of a schema's
fields changes what a model writes), over the tenant and over the address that it goes to.
"""

import hashlib

from msgspec import Struct, msgpack, structs

from quorum_mcp.calls.call import Call
from quorum_mcp.config.settings import CacheSettings
from quorum_mcp.messages import ToolResult, ToolUse
from quorum_mcp.providers.registry import Target

_encoder = msgpack.Encoder()


class Name(Struct, frozen=True):
    """A key taken apart; `key` is the part without the tenant, as traces show it."""

    tenant: str
    key: str
    provider: str
    model: str


def key_of(call: Call, target: Target, settings: CacheSettings) -> str | None:
    """The key of a call's answer, None where it must neither be given nor kept."""
    request, provider = call.request, target.provider
    temperature = target.temperature if request.temperature is None else request.temperature
    if (
        settings.backend == "off"
        or not call.cache
        or temperature is None  # the vendor's default, which is above any bound that makes sense here
        or temperature > settings.max_temperature
        or request.tools
        or request.task is not None
        or request.searches  # who searches wants to know how things are now
        or request.extra  # fields of one vendor: what they do, and what else they ask for, is not known
        or call.surface == "consensus"  # seats and rounds are meant to be independent of each other
        or provider.name in settings.skip_providers
        or provider.kind in ("builtin", "sim")
        or any(isinstance(part, (ToolUse, ToolResult)) for turn in request.messages for part in turn.parts)
    ):
        return None
    sent = structs.replace(
        request,
        model=target.model,
        max_tokens=request.max_tokens or target.max_tokens,
        temperature=temperature,
    )
    address = str(getattr(provider, "base_url", ""))  # the same name may be another server elsewhere
    try:
        content = _encoder.encode((call.tenant, provider.name, address, sent))
    except (UnicodeEncodeError, OverflowError):  # half a character, a number beyond 64 bits
        return None
    digest = hashlib.sha256(content).hexdigest()
    return f"{_plain(call.tenant)}:llm:{_plain(provider.name)}:{target.model}:{digest}:{temperature:g}"


def of_tenant(tenant: str) -> str:
    """What the keys of a tenant begin with."""
    return f"{_plain(tenant)}:llm:"


def parse(key: str) -> Name:
    """The parts of a key that `key_of` made."""
    tenant, _, rest = key.partition(":")
    provider, _, model = rest.removeprefix("llm:").partition(":")
    return Name(_raw(tenant), rest, _raw(provider), model.rsplit(":", 2)[0])


def _plain(name: str) -> str:
    return name.replace("%", "%25").replace(":", "%3A")


def _raw(name: str) -> str:
    return name.replace("%3A", ":").replace("%25", "%")
