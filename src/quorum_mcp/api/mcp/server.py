"""The MCP server itself, the same over every transport and for both revisions of the protocol."""

from collections.abc import Sequence
from typing import Any

from mcp.server.caching import CacheHint
from mcp.server.lowlevel import Server
from mcp_types import (
    CallToolRequestParams,
    SetLevelRequestParams,
    SubscribeRequestParams,
    UnsubscribeRequestParams,
)

from quorum_mcp import __version__
from quorum_mcp.api.mcp.handlers import Handlers
from quorum_mcp.api.mcp.offers import Bind, Offers
from quorum_mcp.api.mcp.request_state import Keys, sealing
from quorum_mcp.api.mcp.tasks import EXTENSION, METHODS, TaskRequest

NAME = "quorum"
INSTRUCTIONS = (
    "Quorum asks several AI models one question and returns one answer with the share of models behind it "
    "and what the others said. "
    "Call q_in with the question, then q_out with the session_id until status is completed; call q_out "
    "again while it is still running. "
    "For one model's answer use query_specific_model; list_models says what can be asked. "
    "Calls cost the user's money: cost is in USD."
)
LIST_SECONDS = 300
"""How long a client may keep the lists of tools, prompts and templates; they change with a new version only."""


def build(
    bind: Bind, *, offers: Offers | None = None, keys: Keys | None = None, toolsets: Sequence[str] = ()
) -> Server[Any]:
    """The server. The manifest is imported when tools are first asked for: `initialize` needs none of it.

    Args:
        bind: from a request to who carries out its operations, with the caller's own rights.
        offers: tools, resources and prompts besides the product's own.
        keys: what the state of a call that goes on in another request is sealed with; absent: a key of this
            process alone.
        toolsets: which tools are listed where the address does not say it.
    """
    own = Handlers(bind, offers or Offers(), toolsets)
    lasting = CacheHint(ttl_ms=LIST_SECONDS * 1000, scope="private")
    server: Server[Any] = Server(
        NAME,
        title="Quorum",
        version=__version__,
        instructions=INSTRUCTIONS,
        cache_hints={
            "tools/list": lasting,
            "prompts/list": lasting,
            "resources/templates/list": lasting,
            "resources/list": CacheHint(ttl_ms=0, scope="private"),
            "resources/read": CacheHint(ttl_ms=0, scope="private"),
            "server/discover": lasting,
        },
        get_tool_input_schema=own.input_schema,
        on_list_tools=own.list_tools,
        on_list_resources=own.list_resources,
        on_list_resource_templates=own.list_templates,
        on_read_resource=own.read_resource,
        on_list_prompts=own.list_prompts,
        on_get_prompt=own.get_prompt,
        on_completion=own.complete,
        on_subscriptions_listen=own.listen,
    )
    # Not by the constructor, which knows of no results that an extension defines.
    server.add_request_handler("tools/call", CallToolRequestParams, own.call_tool)
    # Requests of the older revision only; the SDK marks their parameters of the constructor as outdated.
    server.add_request_handler("logging/setLevel", SetLevelRequestParams, own.set_level)
    server.add_request_handler("resources/subscribe", SubscribeRequestParams, own.subscribe)
    server.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, own.unsubscribe)
    for method in METHODS:
        server.add_request_handler(method, TaskRequest, own.task)
    server.extensions[EXTENSION] = {}
    server.middleware.append(sealing(NAME, keys))
    return server
