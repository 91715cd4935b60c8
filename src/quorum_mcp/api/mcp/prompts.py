"""Prompts that people pick in their assistant; each tells it how to use the panel for one purpose."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches

from mcp_types import (
    GetPromptRequestParams,
    GetPromptResult,
    Prompt,
    PromptArgument,
    PromptMessage,
    TextContent,
)

from quorum_mcp.api.mcp.offers import Bind, Caller, PromptOffer
from quorum_mcp.consensus.plan import MODES
from quorum_mcp.operations.manifest import operations

Write = Callable[[Mapping[str, str]], str]


def prompts(bind: Bind) -> list[PromptOffer]:
    """All of them."""
    return [
        _offer(
            bind, "ask_panel", "Ask several models", "Put a question to a panel and weigh its answer.",
            {"question": "The question.", "?mode": "How the panel deliberates."}, _ask_panel,
        ),
        _offer(
            bind, "second_opinion", "Get a second opinion", "Let other models check an answer you were given.",
            {"question": "What was asked.", "answer": "The answer to check."}, _second_opinion,
        ),
        _offer(
            bind, "review_my_changes", "Review my changes", "Let several models review the uncommitted changes.",
            {"path": "The repository's folder.", "?task": "What the changes are meant to do."}, _review_changes,
        ),
        _offer(
            bind, "compare", "Compare options", "Let several models compare options by criteria.",
            {"options": "The options, separated by commas.", "?criteria": "What matters."}, _compare,
        ),
        _offer(
            bind, "ask_model", "Ask one model", "Ask one model by its name.",
            {"model": "provider/model.", "question": "The question."}, _ask_model,
        ),
    ]  # fmt: skip


def _ask_panel(given: Mapping[str, str]) -> str:
    return (
        f"Put this question to the panel with q_in (mode {given.get('mode') or MODES[0]}), then call q_out until "
        "the status is completed. Tell me the answer, how many models stand behind it, and what the dissenting "
        f"ones said. Do not hide a disagreement.\n\nQuestion: {given['question']}"
    )


def _second_opinion(given: Mapping[str, str]) -> str:
    return (
        "Use q_in with mode devils_advocate to have this answer checked by other models, and q_out to fetch what "
        "they found. Exclude your own provider. Say what holds, what does not, and what stays open.\n\n"
        f"Question: {given['question']}\n\nAnswer to check:\n{given['answer']}"
    )


def _review_changes(given: Mapping[str, str]) -> str:
    task = f" They are meant to: {given['task']}" if given.get("task") else ""
    return (
        f"Call review_changes for {given['path']}.{task}\nThen list the findings, the gravest first, and say on "
        "which of them the models agree."
    )


def _compare(given: Mapping[str, str]) -> str:
    criteria = f" by these criteria: {given['criteria']}" if given.get("criteria") else ""
    return f"Call comparative_analysis for these options: {given['options']}{criteria}. Show the result as a table."


def _ask_model(given: Mapping[str, str]) -> str:
    return f"Call query_specific_model with the model {given['model']} for this: {given['question']}"


def _offer(
    bind: Bind, name: str, title: str, description: str, arguments: Mapping[str, str], write: Write
) -> PromptOffer:
    listed = [
        PromptArgument(name=key.removeprefix("?"), description=words, required=not key.startswith("?"))
        for key, words in arguments.items()
    ]

    async def get(_: Caller, params: GetPromptRequestParams) -> GetPromptResult:
        text = TextContent(type="text", text=write(params.arguments or {}))
        return GetPromptResult(description=description, messages=[PromptMessage(role="user", content=text)])

    async def complete(ctx: Caller, argument: str, begun: str) -> list[str]:
        if argument == "mode":
            return _beginning(MODES, begun)
        if argument == "model":
            models = await bind(ctx)(operations()["models.list"], {}, None)
            return _beginning([model["name"] for model in models["models"]], begun)
        return []

    definition = Prompt(name=name, title=title, description=description, arguments=listed)
    return PromptOffer(definition, get, complete)


def _beginning(words: "list[str] | tuple[str, ...]", begun: str) -> list[str]:
    """Those that begin so, then those that hold it, then the nearest."""
    first = [word for word in words if word.startswith(begun)]
    second = [word for word in words if begun in word and word not in first]
    return first + second or get_close_matches(begun, words, 5, 0.4)
