"""What each wire makes of each request, against the recorded shapes."""

import pytest
from tests.conformance.wire_answers import Case, cases, requests
from tests.conformance.wire_requests import REQUESTS, TASKS

from quorum_mcp.codec import decode
from quorum_mcp.errors import QuorumError, Unsupported
from quorum_mcp.messages import (
    Document,
    Image,
    Message,
    ModelRequest,
    Reasoning,
    Text,
    ToolResult,
    ToolUse,
    message,
)
from quorum_mcp.providers.catalog import catalog
from quorum_mcp.providers.wire import Call, Wire
from quorum_mcp.providers.wires import WIRES, load_wire


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> Wire:
    return load_wire(request.param, catalog().dialect(request.param))


def shown(call: Call) -> dict[str, object]:
    out: dict[str, object] = {"path": call.path}
    if call.headers:
        out["headers"] = call.headers
    return out | {"body": decode(call.body)}


@pytest.mark.parametrize("name", REQUESTS)
def test_requests(wire: Wire, name: str) -> None:
    try:
        got = shown(wire.chat(REQUESTS[name], stream=False))
    except QuorumError as error:
        got = {type(error).__name__: error.message}
    assert got == requests(wire.name)[name]


def test_streams_are_asked_for(wire: Wire) -> None:
    call = wire.chat(REQUESTS["text"], stream=True)
    assert {"path": call.path, "body": decode(call.body)} == requests(wire.name)["streamed text"]


@pytest.mark.parametrize("name", TASKS)
def test_tasks(wire: Wire, name: str) -> None:
    request = TASKS[name]
    assert request.task is not None
    got: dict[str, object]
    try:
        if request.task.name not in wire.tasks:
            raise Unsupported(f"no {request.task.name}")
        got = shown(wire.task(request))
    except QuorumError as error:
        got = {type(error).__name__: error.message}
    assert got == requests(wire.name)["tasks"][name]


def test_list_of_models(wire: Wire) -> None:
    assert wire.list_models().path == requests(wire.name)["list of models"]["path"]


def test_every_recorded_request_is_tested(wire: Wire) -> None:
    assert set(requests(wire.name)) == {*REQUESTS, "streamed text", "list of models", "tasks"}
    assert set(requests(wire.name)["tasks"]) == {*TASKS}


@pytest.mark.parametrize(
    "messages",
    [
        (Message("system", (Image("image/png", "AAAA"),)), message("user", "x")),
        (Message("user", (Image(),)),),
        (Message("tool", (Text("no result"),)),),
    ],
    ids=["image in a system message", "image without data", "text in a tool message"],
)
def test_nothing_is_dropped(wire: Wire, messages: tuple[Message, ...]) -> None:
    """What has no place on a wire raises, or its data is found in the body."""
    try:
        body = wire.chat(ModelRequest("m", messages), stream=False).body
    except QuorumError as error:
        assert error.code in ("unsupported", "invalid_input")
    else:
        assert b"AAAA" in body or b"no result" in body


def test_dialects_are_data() -> None:
    dialect = catalog().vendors["openai"].dialect
    body = decode(load_wire("openai", dialect).chat(REQUESTS["settings"], stream=False).body)
    assert body["max_completion_tokens"] == 100
    assert "max_tokens" not in body
    dialect = catalog().vendors["openrouter"].dialect
    body = decode(load_wire("openai", dialect).chat(REQUESTS["effort high"], stream=False).body)
    assert body["reasoning"] == {"effort": "high"}
    with pytest.raises(QuorumError, match="takes no reasoning effort"):
        load_wire("openai", catalog().vendors["dashscope"].dialect).chat(
            REQUESTS["effort high"], stream=False
        )


@pytest.mark.parametrize(
    ("wire_name", "model", "max_tokens", "thinking"),
    [
        ("anthropic", "claude-sonnet-4-5", None, {"type": "enabled", "budget_tokens": 8192}),
        ("anthropic", "claude-haiku-4-5-20251001", 4096, {"type": "enabled", "budget_tokens": 2048}),
        ("anthropic", "claude-sonnet-5-5", 4096, {"type": "adaptive", "display": "summarized"}),
        ("google", "gemini-2.5-flash", None, {"thinkingBudget": 24576, "includeThoughts": True}),
        ("google", "gemini-3.8-flash", None, {"thinkingLevel": "high", "includeThoughts": True}),
    ],
)
def test_older_models_reason_by_a_number_of_tokens(
    wire_name: str, model: str, max_tokens: int | None, thinking: dict[str, object]
) -> None:
    wire = load_wire(wire_name, catalog().dialect(wire_name))
    request = ModelRequest(model, (message("user", "x"),), max_tokens=max_tokens, reasoning_effort="high")
    body = decode(wire.chat(request, stream=False).body)
    assert (body.get("thinking") or body["generationConfig"]["thinkingConfig"]) == thinking


def test_signatures_return_to_the_part_they_seal() -> None:
    turn = Message(
        "assistant",
        (
            Reasoning("Hm.", signature="one"),
            Text("Let me look."),
            Reasoning("", signature="two"),
            ToolUse("abcdef001", "now", "{}"),
            Reasoning("", signature="three"),
        ),
    )
    body = decode(
        load_wire("google").chat(ModelRequest("m", (message("user", "x"), turn)), stream=False).body
    )
    assert body["contents"][1]["parts"] == [
        {"text": "Hm.", "thought": True, "thoughtSignature": "one"},
        {"text": "Let me look.", "thoughtSignature": "two"},
        {"functionCall": {"id": "abcdef001", "name": "now", "args": {}}, "thoughtSignature": "three"},
    ]


def test_tool_ids_of_other_vendors_suit_mistral() -> None:
    calls = Message("assistant", (ToolUse("toolu_01AbC", "now", "{}"),))
    body = decode(
        load_wire("mistral").chat(ModelRequest("m", (message("user", "x"), calls)), stream=False).body
    )
    (call,) = body["messages"][1]["tool_calls"]
    assert len(call["id"]) == 9
    assert call["id"].isalnum()


@pytest.mark.parametrize(
    "case", [case for case in cases() if case.answer is not None and case.answer.parts], ids=str
)
def test_an_answer_can_be_sent_back(case: Case) -> None:
    """The next turn of a conversation with the same vendor holds all of the answer."""
    wire = load_wire(case.wire, catalog().dialect(case.wire))
    reader = wire.reader(ModelRequest("m", ()))
    reader.whole(case.whole)
    answer = reader.finish()
    request = ModelRequest(
        "m", (message("user", "x"), Message("assistant", answer.parts), message("user", "y"))
    )
    body = decode(wire.chat(request, stream=False).body)
    sent = strings(body)
    for part in answer.parts:
        if isinstance(part, Text):
            assert any(part.text in text for text in sent)
        elif isinstance(part, ToolUse):
            assert part.name in sent
        elif isinstance(part, Reasoning):
            assert not part.text or any(part.text in text for text in sent)
            assert part.signature is None or part.signature in sent


def strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize(
    ("name", "body"),
    [
        (
            "google",
            (
                b'{"candidates": [{"content": {"parts": [{"functionCall": {"name": "now", "args": {}}},'
                b' {"functionCall": {"name": "now", "args": {}}}]}, "finishReason": "STOP"}]}'
            ),
        ),
        (
            "ollama",
            (
                b'{"message": {"content": "", "tool_calls": [{"function": {"name": "now", "arguments": {}}},'
                b' {"function": {"name": "now", "arguments": {}}}]}, "done": true}'
            ),
        ),
    ],
)
def test_calls_without_ids_get_some(name: str, body: bytes) -> None:
    wire = load_wire(name)
    reader = wire.reader(ModelRequest("m", ()))
    reader.whole(body)
    answer = reader.finish()
    one, two = answer.tool_uses
    assert one.id != two.id
    results = tuple(ToolResult(call.id, (Text("noon"),)) for call in (one, two))
    turns = (message("user", "x"), Message("assistant", answer.parts), Message("tool", results))
    sent = strings(decode(wire.chat(ModelRequest("m", turns), stream=False).body))
    assert sent.count("now") == 4  # Google and Ollama tell results by the tool's name
    if name == "google":
        assert one.id not in sent  # an id of our own means nothing to the vendor


@pytest.mark.parametrize(
    ("vendor", "sent"),
    [
        ("openai", {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}}),
        ("anthropic", {"type": "document", "title": "a.pdf",
                       "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}}),
        ("google", {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}}),
        ("xai", None), ("mistral", None), ("ollama", None),
    ],
)  # fmt: skip
def test_documents(vendor: str, sent: dict[str, object] | None) -> None:
    entry = catalog().vendors[vendor]
    wire = load_wire(entry.wire, catalog().dialect(entry.wire, entry))
    turn = Message("user", (Document("a.pdf", "application/pdf", "JVBERi0="), Text("Read.")))
    request = ModelRequest("m", (turn,))
    if sent is None:
        with pytest.raises(Unsupported):
            wire.chat(request, stream=False)
        return
    body = decode(wire.chat(request, stream=False).body)
    (message,) = body.get("messages") or body["contents"]
    assert (message.get("content") or message["parts"])[0] == sent
