"""Tasks of a provider; tokens are counted here where it cannot count them itself."""

from quorum_mcp.answers import Answer, Usage
from quorum_mcp.calls.tokens import count_request
from quorum_mcp.messages import ModelRequest
from quorum_mcp.providers.base import Provider, Timeouts
from quorum_mcp.tasks import CountTokens


async def perform(provider: Provider, request: ModelRequest, timeouts: Timeouts) -> Answer:
    """The whole answer to a task. A count that is made here is an estimate, and says so."""
    if isinstance(request.task, CountTokens) and request.task.name not in provider.tasks:
        native = {"tokens": count_request(request), "estimated": True}
        return Answer((), "stop", Usage(cost=0), request.model, native=native)
    return await provider.perform(request, timeouts)


def counted(answer: Answer) -> tuple[int, bool]:
    """The number of tokens that was asked for, and whether it is an estimate."""
    said = answer.native or {}
    return said["tokens"], bool(said.get("estimated"))
