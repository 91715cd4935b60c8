"""The provider of the built-in solvers: `builtin/arithmetic` and `builtin/extract`."""

import asyncio
from collections.abc import AsyncGenerator, Callable

from quorum_mcp.answers import Answer, Delta, ModelInfo, StopReason, TextDelta, Usage
from quorum_mcp.errors import ProviderRefused, Unsupported
from quorum_mcp.ids import new_id
from quorum_mcp.messages import Audio, Document, Image, ModelRequest, Native, Text
from quorum_mcp.providers.base import Kind, Searching, Timeouts
from quorum_mcp.providers.builtin.abstain import Abstain, abstention
from quorum_mcp.providers.builtin.prompt import Prompt, read
from quorum_mcp.tasks import TaskName

NAME = "builtin"
_CHARACTERS_PER_TOKEN = 4


def _arithmetic(prompt: Prompt) -> str:
    from quorum_mcp.providers.builtin.arithmetic.solve import solve

    return solve(prompt.question).text


def _extract(prompt: Prompt) -> str:
    from quorum_mcp.providers.builtin.extract.answer import answer

    return answer(prompt)


_SOLVERS: dict[str, tuple[str, Callable[[Prompt], str]]] = {
    "arithmetic": ("Exact arithmetic, percentages, units and dates", _arithmetic),
    "extract": ("Quotes from the given documents", _extract),
}


class Builtin:
    """Solvers without a model and without a network: deterministic, free, and allowed to abstain.

    Counts no tokens and costs nothing. Tools, images and structured output raise `Unsupported`; sampling settings
    have no effect, because there is nothing to sample.
    """

    name: str = NAME
    kind: Kind = "builtin"
    tasks: frozenset[TaskName] = frozenset()
    search: Searching = "none"
    documents: bool = False

    def takes(self, native: Native) -> bool:  # noqa: ARG002 - whatever it is
        """Never: questions are read, not passed on."""
        return False

    async def complete(self, request: ModelRequest, timeouts: Timeouts) -> Answer:  # noqa: ARG002 - never waits
        """The solver's answer, or its abstention."""
        return await self._answer(request)

    async def stream(
        self,
        request: ModelRequest,
        timeouts: Timeouts,  # noqa: ARG002 - never waits
    ) -> AsyncGenerator[Delta | Answer, None]:
        """The answer line by line, then whole."""
        answer = await self._answer(request)
        for line in answer.text.splitlines(keepends=True):
            yield TextDelta(line)
        yield answer

    async def perform(self, request: ModelRequest, timeouts: Timeouts) -> Answer:  # noqa: ARG002
        """Not available."""
        asked = request.task.name if request.task else "task"
        raise Unsupported(f"the built-in solvers have no {asked}", provider=NAME, model=request.model)

    async def models(self, timeouts: Timeouts) -> tuple[ModelInfo, ...]:  # noqa: ARG002
        """The two solvers."""
        return tuple(ModelInfo(model, name) for model, (name, _) in _SOLVERS.items())

    async def close(self) -> None:
        """Nothing is held."""

    async def _answer(self, request: ModelRequest) -> Answer:
        _check(request)
        _, solver = _SOLVERS[request.model]
        prompt = read(request.messages)
        try:
            text = await asyncio.to_thread(solver, prompt)
        except Abstain as reason:
            text = abstention(reason.reason)
        text, stop = _cut(text, request)
        return Answer((Text(text),), stop, Usage(cost=0), request.model, new_id("msg"))


def _check(request: ModelRequest) -> None:
    if request.model not in _SOLVERS:
        raise ProviderRefused(
            f"there is no built-in solver {request.model!r}",
            hint=f"use one of {', '.join(f'{NAME}/{model}' for model in _SOLVERS)}",
            provider=NAME,
            model=request.model,
        )
    lacking = {
        "tools": bool(request.tools),
        "structured output": request.format is not None,
        "images": any(isinstance(part, Image) for message in request.messages for part in message.parts),
        "audio": any(isinstance(part, Audio) for message in request.messages for part in message.parts),
        "documents": any(
            isinstance(part, Document) for message in request.messages for part in message.parts
        ),
        "reasoning effort": request.reasoning_effort not in (None, "none"),
        "logprobs": request.logprobs is not None,
    }
    for feature, wanted in lacking.items():
        if wanted:
            raise Unsupported(
                f"the built-in solvers do not take {feature}", provider=NAME, model=request.model
            )


def _cut(text: str, request: ModelRequest) -> tuple[str, StopReason]:
    """The text up to the first stop sequence and the token cap (a token counted as four characters)."""
    for sequence in request.stop:
        text = text.split(sequence, 1)[0] if sequence else text
    if request.max_tokens is not None and len(text) > request.max_tokens * _CHARACTERS_PER_TOKEN:
        return text[: request.max_tokens * _CHARACTERS_PER_TOKEN], "length"
    return text, "stop"
