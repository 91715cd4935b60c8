"""What the server answers to each method: the product's own offers, and those that were added to it."""

from collections.abc import Awaitable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    EmptyResult,
    GetPromptRequestParams,
    GetPromptResult,
    InputRequiredResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    ResourceTemplateReference,
    SetLevelRequestParams,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    UnsubscribeRequestParams,
)

from quorum_mcp.api.mcp.logs import set_level
from quorum_mcp.api.mcp.offers import Bind, Caller, Complete, Offers
from quorum_mcp.api.mcp.subscriptions import Subscriptions
from quorum_mcp.api.mcp.tasks import TaskRequest, handled
from quorum_mcp.errors import QuorumError

MOST_COMPLETIONS = 100
"""How many the protocol lets one answer hold."""

Paging = PaginatedRequestParams | None
T = TypeVar("T")


class Handlers:
    """The methods of one server. What they need of the product is imported when it is first asked for."""

    def __init__(self, bind: Bind, more: Offers, toolsets: Sequence[str] = ()) -> None:
        self._bind = bind
        self._more = more
        self._toolsets = toolsets
        self._subscriptions = Subscriptions(bind, more.changes)

    @cached_property
    def _offers(self) -> Offers:
        from quorum_mcp.api.mcp.product import product

        return product(self._bind).with_(self._more)

    async def list_tools(self, ctx: Caller, _: Paging) -> ListToolsResult:
        """The tools of the toolsets that the caller chose."""
        from quorum_mcp.api.mcp.tools import definitions
        from quorum_mcp.api.mcp.toolsets import chosen

        own = definitions()
        listed = [own[name] for name in chosen(ctx, self._toolsets)]
        return ListToolsResult(tools=[*listed, *(offer.definition for offer in self._more.tools)])

    async def call_tool(
        self, ctx: Caller, params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult | dict[str, Any]:
        """Carry out a tool; also one that is not listed for this caller."""
        from quorum_mcp.api.mcp.calling import call_operation
        from quorum_mcp.operations.tools import nearest, tool_operations

        if (operation := tool_operations().get(params.name)) is not None:
            return await call_operation(self._bind(ctx), operation, ctx, params)
        if (offer := self._more.tool(params.name)) is not None:
            return await offer.call(ctx, params)
        raise MCPError(INVALID_PARAMS, f"Unknown tool: {params.name!r}; {nearest(params.name)}")

    async def task(self, ctx: Caller, params: TaskRequest) -> dict[str, Any]:
        """One of the methods of the extension for tasks."""
        return await handled(self._offers.tasks, ctx, params)

    def input_schema(self, name: str) -> Mapping[str, Any] | None:
        """What the SDK checks `Mcp-Param-*` headers against; without it, it lists all tools for every call."""
        from quorum_mcp.api.mcp.tools import definitions

        if (tool := definitions().get(name)) is not None:
            return tool.input_schema
        offer = self._more.tool(name)
        return None if offer is None else offer.definition.input_schema

    async def list_resources(self, ctx: Caller, _: Paging) -> ListResourcesResult:
        """Resources with an address of their own, the caller's latest sessions among them."""
        from quorum_mcp.api.mcp.resources import sessions

        fixed = [offer.definition for offer in self._offers.resources]
        return ListResourcesResult(resources=[*fixed, *await told(sessions(self._bind(ctx)))])

    async def list_templates(self, _: Caller, __: Paging) -> ListResourceTemplatesResult:
        """The forms of addresses."""
        return ListResourceTemplatesResult(
            resource_templates=[offer.definition for offer in self._offers.templates]
        )

    async def read_resource(self, ctx: Caller, params: ReadResourceRequestParams) -> ReadResourceResult:
        """Read a resource. One that is not there, or is somebody else's, is not found."""
        for offer in self._offers.resources:
            if offer.definition.uri == params.uri:
                return await told(offer.read(ctx), params.uri)
        for template in self._offers.templates:
            if (values := template.values(params.uri)) is not None:
                return await told(template.read(ctx, params.uri, values), params.uri)
        raise MCPError(INVALID_PARAMS, "Resource not found", {"uri": params.uri})

    async def list_prompts(self, _: Caller, __: Paging) -> ListPromptsResult:
        """All prompts."""
        return ListPromptsResult(prompts=[offer.definition for offer in self._offers.prompts])

    async def get_prompt(
        self, ctx: Caller, params: GetPromptRequestParams
    ) -> GetPromptResult | InputRequiredResult:
        """A prompt with its arguments filled in."""
        offer = self._offers.prompt(params.name)
        if offer is None:
            known = ", ".join(known.definition.name for known in self._offers.prompts)
            raise MCPError(INVALID_PARAMS, f"Unknown prompt: {params.name!r}; known: {known}")
        given = params.arguments or {}
        for argument in offer.definition.arguments or ():
            if argument.required and not given.get(argument.name):
                raise MCPError(INVALID_PARAMS, f"{params.name} needs the argument {argument.name!r}")
        return await offer.get(ctx, params)

    async def complete(self, ctx: Caller, params: CompleteRequestParams) -> CompleteResult:
        """What an argument may become; nothing where the product knows none."""
        complete = self._completer(params)
        if complete is None:
            return CompleteResult(completion=Completion(values=[]))
        found = await told(complete(ctx, params.argument.name, params.argument.value))
        return CompleteResult(
            completion=Completion(
                values=found[:MOST_COMPLETIONS], total=len(found), has_more=len(found) > MOST_COMPLETIONS
            )
        )

    def _completer(self, params: CompleteRequestParams) -> Complete | None:
        if isinstance(params.ref, ResourceTemplateReference):
            uri = params.ref.uri
            found = [o.complete for o in self._offers.templates if o.definition.uri_template == uri]
            missing = f"Unknown resource template: {uri!r}"
        else:
            name = params.ref.name
            found = [o.complete for o in self._offers.prompts if o.definition.name == name]
            missing = f"Unknown prompt: {name!r}"
        if not found:
            raise MCPError(INVALID_PARAMS, missing)
        return found[0]

    async def listen(
        self, ctx: Caller, params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        """Changes as they come, in the newer revision."""
        return await self._subscriptions.listen(ctx, params)

    async def subscribe(self, ctx: Caller, params: SubscribeRequestParams) -> EmptyResult:
        """Word of a resource's changes, in the older revision."""
        return await self._subscriptions.add(ctx, params.uri)

    async def unsubscribe(self, ctx: Caller, params: UnsubscribeRequestParams) -> EmptyResult:
        """No more of that."""
        return self._subscriptions.remove(ctx, params.uri)

    async def set_level(self, ctx: Caller, params: SetLevelRequestParams) -> EmptyResult:
        """How much is logged to this client, in the older revision."""
        return set_level(ctx, params.level)


async def told(work: Awaitable[T], uri: str | None = None) -> T:
    """Await `work`; what it fails with becomes the protocol's error, with our code and hint in its data."""
    try:
        return await work
    except QuorumError as error:
        raise MCPError(
            INVALID_PARAMS, error.message, error.to_dict() | ({"uri": uri} if uri else {})
        ) from None
