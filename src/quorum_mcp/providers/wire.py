"""What a wire is: a pure translation between our types and one vendor's HTTP bodies. No sockets here."""

from collections.abc import Mapping
from fnmatch import fnmatch
from typing import Literal, Protocol

from msgspec import Struct, field

from quorum_mcp.answers import Answer, Delta, ModelInfo
from quorum_mcp.config.providers import Search
from quorum_mcp.errors import ProviderError, Unsupported
from quorum_mcp.messages import ModelRequest
from quorum_mcp.providers.sse import Event
from quorum_mcp.tasks import TaskName


def _usual_budgets() -> dict[str, int]:
    return {"low": 2048, "medium": 8192, "high": 24576}


class Dialect(Struct, frozen=True, forbid_unknown_fields=True):
    """How one vendor's use of a wire differs from the wire's own vendor; all of it is catalogue data.

    Attributes:
        max_tokens_field: the request field that caps the output.
        stream_usage: whether `stream_options.include_usage` is understood.
        effort: where the reasoning effort goes: a field of its own, an object, or nowhere (raises).
        reasoning_field: the message field in which reasoning is sent back; empty: it cannot be.
        schema: whether a JSON schema can be enforced, or only "some JSON object".
        image_urls: whether the vendor fetches images by URL.
        seed: whether a seed is taken.
        tasks: what the vendor can be asked for besides chats; None is all that the wire has.
        documents: whether PDF documents can be sent.
        search: which web search of its own the vendor has, if any: the wire's, or for the openai wire that of its
            responses or a tool of OpenRouter's.
        search_bound: whether the vendor can be told how often to search at most.
        search_once: patterns of the models whose searches for one answer are billed as one.
        max_tokens: the cap to send where the request has none and the vendor demands one.
        budget_models: patterns of the models whose reasoning is set by a number of tokens, not by a word.
        budgets: that number for each word.
    """

    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    stream_usage: bool = True
    effort: Literal["reasoning_effort", "reasoning", "none"] = "reasoning_effort"
    reasoning_field: Literal["reasoning_content", "reasoning", ""] = "reasoning_content"
    schema: Literal["json_schema", "json_object"] = "json_schema"
    image_urls: bool = True
    seed: bool = True
    tasks: tuple[TaskName, ...] | None = None
    documents: bool = False
    search: Search = "none"
    search_bound: bool = False
    search_once: tuple[str, ...] = ()
    max_tokens: int = 16384
    budget_models: tuple[str, ...] = ()
    budgets: dict[str, int] = field(default_factory=_usual_budgets)

    def budget(self, model: str, effort: str) -> int | None:
        """The number of reasoning tokens to set for `model`, or None where it takes the word itself.

        Raises:
            Unsupported: the model is set by a number, and there is none for that word.
        """
        if not any(fnmatch(model, pattern) for pattern in self.budget_models):
            return None
        if effort not in self.budgets:
            raise Unsupported(f"{model} has no reasoning effort {effort!r}")
        return self.budgets[effort]


class Call(Struct, frozen=True):
    """One HTTP request below the provider's base URL; `path` starts with a slash and is URL-encoded."""

    method: Literal["GET", "POST"]
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Reader(Protocol):
    """Reads one answer, whole or event by event, into the same `Answer`."""

    ended: bool
    """The answer's own end marker has been read; nothing after it matters."""

    def whole(self, body: bytes) -> list[Delta]:
        """Take a body that holds the whole answer."""
        ...

    def event(self, event: Event) -> list[Delta]:
        """Take one event of a stream."""
        ...

    def finish(self) -> Answer:
        """The answer; raises `BadProviderAnswer` where it was cut or is empty."""
        ...


class Wire(Protocol):
    """One vendor's API as a codec."""

    name: str
    framing: Literal["sse", "ndjson"]
    dialect: Dialect
    auth: str
    """How a key is sent unless the settings say otherwise: `bearer` or `header NAME`."""
    tasks: frozenset[TaskName]
    """What it can be asked for besides a chat."""
    also: frozenset[str]
    """Fields of another wire's own that it takes by the same names."""

    def chat(self, request: ModelRequest, *, stream: bool) -> Call:
        """The HTTP request of a model request; raises `Unsupported` for what the vendor cannot do."""
        ...

    def reader(self, request: ModelRequest) -> Reader:
        """A reader for the answer to one request."""
        ...

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """The typed error of an answer that is not a success."""
        ...

    def task(self, request: ModelRequest) -> Call:
        """The HTTP request of a request with one of the wire's `tasks`."""
        ...

    def done(self, request: ModelRequest, body: bytes, media_type: str) -> Answer:
        """Its answer, which is of that media type."""
        ...

    def list_models(self) -> Call:
        """The HTTP request for the list of models."""
        ...

    def models(self, body: bytes) -> tuple[ModelInfo, ...]:
        """Its answer."""
        ...
