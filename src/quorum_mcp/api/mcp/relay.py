"""Tools carried out by a running server, over its own MCP endpoint.

In the newest revision a call is one POST that stands alone, so there is no session to lose: a restarted
server, or another replica, goes on serving. Dropping the connection cancels the call.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from quorum_mcp import __version__, codec
from quorum_mcp.api.mcp.asking import ASKED, FIELD
from quorum_mcp.api.mcp.backend import Backend, Tell
from quorum_mcp.api.mcp.consent import Consent, Unconfirmed
from quorum_mcp.api.mcp.progress import EVENT_KEY
from quorum_mcp.errors import QuorumError, ServerUnavailable, Unsupported, revive
from quorum_mcp.events import Event
from quorum_mcp.operations.card import AnyOperation
from quorum_mcp.operations.invoke import validate
from quorum_mcp.providers.sse import SSE

REVISION = "2026-07-28"
META = "io.modelcontextprotocol/"
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=60.0)
"""The server pings every 15 s while it works, so a minute of silence means that it is gone."""
READ = 64 * 1024


@asynccontextmanager
async def relay(url: str, api_key: str | None) -> AsyncGenerator[Backend, None]:
    """The server at `url` as the backend, for as long as the context is open."""
    headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
    async with aiohttp.ClientSession(headers=headers, timeout=TIMEOUT) as session:

        async def carry_out(
            operation: AnyOperation,
            arguments: Mapping[str, Any],
            tell: Tell | None,
            consent: Consent | None = None,
            *,
            detached: bool = False,  # noqa: ARG001 - it waits: the server answers a relay like any caller
        ) -> dict[str, Any]:
            if operation.tool is None:
                return await _over_rest(url, api_key, operation, arguments)
            try:
                return await _call(session, url.rstrip("/"), operation.tool, arguments, tell, consent)
            except (aiohttp.ClientError, TimeoutError, OSError, codec.JSONError) as error:
                raise ServerUnavailable(
                    f"{url} does not answer: {error or type(error).__name__}",
                    hint="start the server with `quorum serve`, or unset QUORUM_URL to run without one",
                ) from error

        yield carry_out


async def _over_rest(
    url: str, api_key: str | None, operation: AnyOperation, arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """What resources are made of is offered over REST, not as tools."""
    from quorum_mcp.client.remote import Remote

    async with Remote(url, api_key) as remote:
        answer = await remote.invoke(operation, validate(operation.input, arguments))
    return answer.model_dump(mode="json")


async def _call(
    session: aiohttp.ClientSession,
    url: str,
    tool: str,
    arguments: Mapping[str, Any],
    tell: Tell | None,
    consent: Consent | None,
) -> dict[str, Any]:
    headers = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": REVISION,
        "mcp-method": "tools/call",
        "mcp-name": tool,
    }
    body = codec.encode(_request(tool, arguments, consent, progress=tell is not None))
    async with session.post(url + "/mcp", data=body, headers=headers, allow_redirects=False) as response:
        if response.content_type != "text/event-stream":
            return _answer(codec.decode(await response.read()), response.status)
        lines = SSE()
        async for data in response.content.iter_chunked(READ):
            for found in lines.feed(data):
                message = codec.decode(found.data)
                if "id" in message:
                    return _answer(message, response.status)
                await _tell(message.get("params") or {}, tell)
    raise ServerUnavailable(
        f"{url} closed the connection before it answered", hint="call again; q_out still has the answer"
    )


def _request(
    tool: str, arguments: Mapping[str, Any], consent: Consent | None, *, progress: bool
) -> dict[str, Any]:
    meta: dict[str, Any] = {
        META + "protocolVersion": REVISION,
        META + "clientCapabilities": {"elicitation": {}},  # whether the host can ask is found out here
        META + "clientInfo": {"name": "quorum", "version": __version__},
    }
    if progress:
        meta["progressToken"] = 1
    params: dict[str, Any] = {"name": tool, "arguments": dict(arguments), "_meta": meta}
    if consent is not None:
        params["inputResponses"] = {ASKED: {"action": "accept", "content": {FIELD: True}}}
        params["requestState"] = consent.relayed
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


async def _tell(params: dict[str, Any], tell: Tell | None) -> None:
    if tell is None or "progress" not in params:
        return
    event = (params.get("_meta") or {}).get(EVENT_KEY)
    await tell(str(params.get("message", "")) if event is None else msgspec.convert(event, Event))


def _answer(message: dict[str, Any], status: int) -> dict[str, Any]:
    """The structured result. Raises the error that the server told."""
    if isinstance(message.get("error"), dict):
        raise _refused(message["error"], status)
    result = message["result"]
    if result.get("resultType") == "input_required":
        asked = result["inputRequests"][ASKED]["params"]["message"]
        raise Unconfirmed(asked, Consent(relayed=result["requestState"]))
    if not result.get("isError"):
        return result["structuredContent"]
    text = "".join(part.get("text", "") for part in result["content"])
    try:
        body = codec.decode(text)["error"]
    except (codec.JSONError, KeyError, TypeError):
        raise QuorumError(text or "the tool failed") from None
    raise revive(body)


def _refused(error: dict[str, Any], status: int) -> QuorumError:
    """Our own body where the guard refused the request, JSON-RPC's where the protocol did."""
    if isinstance(error.get("code"), str):
        return revive(error)
    return Unsupported(
        f"the server refused the call ({status}): {error.get('message')}",
        hint="the server may be of another version",
    )
