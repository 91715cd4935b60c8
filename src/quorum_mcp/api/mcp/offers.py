"""What a server offers besides the manifest's tools: resources, prompts, and tools with a code of their own."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import InMemorySubscriptionBus
from mcp.shared.uri_template import UriTemplate
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    GetPromptRequestParams,
    GetPromptResult,
    InputRequiredResult,
    Prompt,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    Tool,
)

from quorum_mcp.api.mcp.backend import Backend

Caller = ServerRequestContext[Any, Any]
Bind = Callable[[Caller], Backend]
"""From a request to who carries out its operations, with the caller's own rights."""
Complete = Callable[[Caller, str, str], Awaitable[list[str]]]
"""From an argument's name and what is typed so far to what it may become, the likeliest first."""


@dataclass(frozen=True)
class ToolOffer:
    """A tool that is no operation. What it answers may be a task, as `tasks.task` describes one."""

    definition: Tool
    call: Callable[
        [Caller, CallToolRequestParams], Awaitable[CallToolResult | InputRequiredResult | dict[str, Any]]
    ]


@dataclass(frozen=True)
class ResourceOffer:
    """One resource, under its own address."""

    definition: Resource
    read: Callable[[Caller], Awaitable[ReadResourceResult]]


@dataclass(frozen=True)
class TemplateOffer:
    """Resources whose addresses have one form; `read` gets the address and the values in it."""

    definition: ResourceTemplate
    read: Callable[[Caller, str, Mapping[str, str]], Awaitable[ReadResourceResult]]
    complete: Complete | None = None

    def values(self, uri: str) -> dict[str, str] | None:
        """The values that `uri` holds; None where it is not of this form."""
        found = UriTemplate.parse(self.definition.uri_template).match(uri)
        return None if found is None else {name: str(value) for name, value in found.items()}


@dataclass(frozen=True)
class PromptOffer:
    """A prompt that people choose by name."""

    definition: Prompt
    get: Callable[[Caller, GetPromptRequestParams], Awaitable[GetPromptResult | InputRequiredResult]]
    complete: Complete | None = None


class TaskStore(Protocol):
    """Keeps tasks; one that it does not have, or that is not the caller's, is None or False."""

    async def get(self, ctx: Caller, task_id: str) -> dict[str, Any] | None:
        """The task as it stands, with its result, its error or its questions."""
        ...

    async def update(self, ctx: Caller, task_id: str, answers: Mapping[str, Any]) -> bool:
        """Take answers to what the task asked."""
        ...

    async def cancel(self, ctx: Caller, task_id: str) -> bool:
        """Stop the task; one that has ended stays as it is."""
        ...


@dataclass
class Offers:
    """A set of them. `changes` takes word of lists that changed, for whoever listens."""

    tools: list[ToolOffer] = field(default_factory=list[ToolOffer])
    resources: list[ResourceOffer] = field(default_factory=list[ResourceOffer])
    templates: list[TemplateOffer] = field(default_factory=list[TemplateOffer])
    prompts: list[PromptOffer] = field(default_factory=list[PromptOffer])
    tasks: list[TaskStore] = field(default_factory=list[TaskStore])
    changes: InMemorySubscriptionBus = field(default_factory=InMemorySubscriptionBus)

    def tool(self, name: str) -> ToolOffer | None:
        """The tool of this name."""
        return next((offer for offer in self.tools if offer.definition.name == name), None)

    def prompt(self, name: str) -> PromptOffer | None:
        """The prompt of this name."""
        return next((offer for offer in self.prompts if offer.definition.name == name), None)

    def with_(self, more: "Offers") -> "Offers":
        """Both sets, with the word of changes of `more`."""
        return Offers(
            tools=[*self.tools, *more.tools],
            resources=[*self.resources, *more.resources],
            templates=[*self.templates, *more.templates],
            prompts=[*self.prompts, *more.prompts],
            tasks=[*self.tasks, *more.tasks],
            changes=more.changes,
        )
