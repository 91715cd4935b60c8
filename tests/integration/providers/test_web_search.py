"""Vendors' own web search over a socket: what is asked for, and the same citations from a whole answer and a stream."""

from typing import Any

import pytest
from msgspec import structs
from tests.integration.providers.byteserver import LAST, ByteServer, Step, chunk, head, whole

from quorum_mcp.answers import Answer, Citation, TextDelta
from quorum_mcp.codec import encode
from quorum_mcp.errors import ProviderError, Unsupported
from quorum_mcp.messages import Message, ModelRequest, Text, Tool, ToolResult, ToolUse, message
from quorum_mcp.providers.base import Timeouts
from quorum_mcp.providers.catalog import catalog
from quorum_mcp.providers.endpoint import Endpoint
from quorum_mcp.providers.keys import Auth
from quorum_mcp.providers.transport import Transport
from quorum_mcp.providers.wires import load_wire

pytestmark = pytest.mark.anyio
TIMES = Timeouts(connect=2, first_byte=2, idle=2, total=4)
ASK = ModelRequest(
    "m", (message("system", "Be brief."), message("user", "Who won?")), max_tokens=900, searches=3
)
TEXT = "Österreich won 3:1. The match was in Vienna."
FIRST, SECOND = "https://sport.example/a", "https://news.example/b"

Json = dict[str, Any]


def vendor(name: str, server: ByteServer, transport: Transport) -> Endpoint:
    entry = catalog().vendors[name]
    wire = load_wire(entry.wire, catalog().dialect(entry.wire, entry))
    return Endpoint(name, wire, server.url, Auth(wire.auth, ("secret-key-1",)), transport)


def sse(*events: Json, named: bool = False) -> list[Step]:
    lines = [(f"event: {event['type']}\n".encode() if named else b"") + b"data: " + encode(event) + b"\n\n"
             for event in events]  # fmt: skip
    return [head("text/event-stream"), *map(chunk, lines), LAST]


ANTHROPIC: list[Json] = [
    {"type": "text", "text": "I will look. "},
    {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "who won"}},
    {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": [
        {"type": "web_search_result", "url": FIRST, "title": "A", "encrypted_content": "x", "page_age": "1 day"}]},
    {"type": "text", "text": TEXT, "citations": [
        {"type": "web_search_result_location", "url": FIRST, "title": "A", "encrypted_index": "e", "cited_text": "3:1"},
        {"type": "web_search_result_location", "url": SECOND, "title": None, "encrypted_index": "f",
         "cited_text": "Vienna"}]},
]  # fmt: skip
ANTHROPIC_USAGE = {
    "input_tokens": 9000, "output_tokens": 30, "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0},
}  # fmt: skip


def anthropic(stream: bool) -> list[Step]:
    if not stream:
        body = {"id": "msg", "type": "message", "role": "assistant", "model": "m", "content": ANTHROPIC,
                "stop_reason": "end_turn", "usage": ANTHROPIC_USAGE}  # fmt: skip
        return list(whole(body))
    events: list[Json] = [
        {
            "type": "message_start",
            "message": {"id": "msg", "model": "m", "content": [], "usage": {"input_tokens": 9}},
        }
    ]
    for index, block in enumerate(ANTHROPIC):
        start = {key: value for key, value in block.items() if key not in ("citations", "input")}
        deltas: list[Json] = []
        if block["type"] == "text":
            start["text"] = ""
            deltas = [{"type": "citations_delta", "citation": one} for one in block.get("citations", ())]
            deltas.append({"type": "text_delta", "text": block["text"]})
        elif block["type"] == "server_tool_use":
            deltas = [{"type": "input_json_delta", "partial_json": '{"query": "who won"}'}]
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    events.append({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": ANTHROPIC_USAGE})
    return sse(*events, {"type": "message_stop"}, named=True)


def responses(stream: bool) -> list[Step]:
    notes = [{"type": "url_citation", "start_index": 0, "end_index": 19, "url": FIRST, "title": "A"},
             {"type": "url_citation", "start_index": 20, "end_index": 44, "url": SECOND, "title": ""}]  # fmt: skip
    output: list[Json] = [
        {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "Search first."}]},
        {"type": "web_search_call", "id": "ws1", "status": "completed", "action": {"type": "search", "query": "w"}},
        {"type": "web_search_call", "id": "ws2", "status": "completed", "action": {"type": "open_page", "url": FIRST}},
        {"type": "web_search_call", "id": "ws3", "status": "completed", "action": {"type": "search", "query": "v"}},
        {"type": "message", "id": "m1", "role": "assistant", "status": "completed",
         "content": [{"type": "output_text", "text": TEXT, "annotations": notes}]},
    ]  # fmt: skip
    usage = {"input_tokens": 9000, "output_tokens": 30, "total_tokens": 9030,
             "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 9}}  # fmt: skip
    done = {
        "id": "resp",
        "object": "response",
        "model": "m",
        "status": "completed",
        "output": output,
        "usage": usage,
    }
    if not stream:
        return list(whole(done))
    return sse(
        {"type": "response.created", "response": done | {"status": "in_progress", "output": [], "usage": None}},
        {"type": "response.web_search_call.searching", "output_index": 1, "item_id": "ws1"},
        {"type": "response.reasoning_summary_text.delta", "item_id": "rs", "delta": "Search first."},
        *({"type": "response.output_text.delta", "item_id": "m1", "delta": TEXT[at : at + 10]}
          for at in range(0, len(TEXT), 10)),
        {"type": "response.output_text.annotation.added", "annotation": notes[0], "annotation_index": 0},
        {"type": "response.completed", "response": done},
        named=True,
    )  # fmt: skip


def openrouter(stream: bool) -> list[Step]:
    notes = [{"type": "url_citation", "url_citation": {
        "url": url, "title": title, "content": quote, "start_index": start, "end_index": end}}
        for url, title, quote, start, end in ((FIRST, "A", "3:1", 0, 19), (SECOND, "", "", 20, 44))]  # fmt: skip
    usage = {"prompt_tokens": 9000, "completion_tokens": 30, "total_tokens": 9030, "cost": 0.02}
    base: Json = {"id": "c", "model": "m"}
    if not stream:
        choice = {"index": 0, "finish_reason": "stop", "message": {"content": TEXT, "annotations": notes}}
        return list(whole(base | {"choices": [choice], "usage": usage}))
    return sse(
        base | {"choices": [{"index": 0, "delta": {"content": TEXT}}]},
        base
        | {
            "choices": [{"index": 0, "delta": {"annotations": notes}, "finish_reason": "stop"}],
            "usage": usage,
        },
    )


def google(stream: bool) -> list[Step]:
    size = len(TEXT[:19].encode())
    grounding = {
        "webSearchQueries": ["w", "v"],
        "searchEntryPoint": {"renderedContent": "<b>x</b>"},
        "groundingChunks": [{"web": {"uri": FIRST, "title": "A"}}, {"web": {"uri": SECOND, "title": ""}},
                            {"web": {"uri": "javascript:alert(1)", "title": "bad"}}],
        "groundingSupports": [
            {"segment": {"endIndex": size, "text": TEXT[:19]}, "groundingChunkIndices": [0]},
            {"segment": {"startIndex": size + 1, "endIndex": size + 25}, "groundingChunkIndices": [1, 7]}],
    }  # fmt: skip
    usage = {"promptTokenCount": 10, "toolUsePromptTokenCount": 8990, "candidatesTokenCount": 30}
    end: Json = {"finishReason": "STOP", "index": 0, "groundingMetadata": grounding}
    if not stream:
        candidate = end | {"content": {"parts": [{"text": TEXT}]}}
        return list(whole({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m"}))
    return sse(
        {"candidates": [{"content": {"parts": [{"text": TEXT[:7]}]}, "index": 0}], "modelVersion": "m"},
        {"candidates": [end | {"content": {"parts": [{"text": TEXT[7:]}]}}], "usageMetadata": usage},
    )


VENDORS = {
    "anthropic": (anthropic, {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}),
    "openai": (responses, {"type": "web_search"}),
    "xai": (responses, {"type": "web_search"}),
    "openrouter": (openrouter, {"type": "openrouter:web_search"}),
    "google": (google, {"googleSearch": {}}),
}


async def answer_of(endpoint: Endpoint, request: ModelRequest, stream: bool) -> tuple[Answer, str]:
    if not stream:
        answer = await endpoint.complete(request, TIMES)
        return answer, answer.text
    items = [item async for item in endpoint.stream(request, TIMES)]
    answer = items[-1]
    assert isinstance(answer, Answer)
    return answer, "".join(item.text for item in items if isinstance(item, TextDelta))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", VENDORS)
async def test_a_search_and_what_it_found(
    name: str, stream: bool, server: ByteServer, transport: Transport
) -> None:
    says, tool = VENDORS[name]
    server.answer = lambda _: says(stream)
    answer, streamed = await answer_of(vendor(name, server, transport), ASK, stream)
    assert streamed == answer.text
    assert answer.text.endswith(TEXT)
    assert (answer.usage.input, answer.usage.output) == (9000, 30)
    assert answer.usage.searches == (0 if name == "openrouter" else 2)
    first, second = answer.citations
    at = answer.text.index(TEXT)
    assert (first.url, first.title, second.url, second.title) == (FIRST, "A", SECOND, "")
    if name == "anthropic":
        assert {(one.start, one.end) for one in answer.citations} == {(at, at + len(TEXT))}
        assert (first.quote, second.quote) == ("3:1", "Vienna")
    else:
        assert [answer.text[one.start : one.end] for one in answer.citations] == [TEXT[:19], TEXT[20:44]]
    (asked,) = server.requests
    assert asked.json["tools"] == [tool]
    if name in ("openai", "xai"):
        assert asked.path.endswith("/responses")
        assert asked.json["store"] is False
        assert asked.json.get("max_tool_calls") == (3 if name == "openai" else None)
        assert asked.json["max_output_tokens"] == 900
        assert asked.json["input"][1] == {
            "role": "user",
            "content": [{"type": "input_text", "text": "Who won?"}],
        }


@pytest.mark.parametrize("name", ["mistral", "dashscope", "ollama"])
async def test_vendors_without_one_refuse_it_by_name(
    name: str, server: ByteServer, transport: Transport
) -> None:
    with pytest.raises(Unsupported, match="takes no web search"):
        await vendor(name, server, transport).complete(ASK, TIMES)
    assert not server.requests


async def test_gemini_two_bills_all_searches_of_an_answer_as_one(
    server: ByteServer, transport: Transport
) -> None:
    server.answer = lambda _: google(False)
    answer = await vendor("google", server, transport).complete(
        structs.replace(ASK, model="gemini-2.5-pro"), TIMES
    )
    assert answer.usage.searches == 1


async def test_responses_with_tools_errors_and_cut_streams(server: ByteServer, transport: Transport) -> None:
    openai = vendor("openai", server, transport)
    call = ToolUse("call_1", "now", '{"zone":"UTC"}')
    turns = (
        message("user", "What time is it?"),
        Message("assistant", (Text("I ask."), call)),
        Message("tool", (ToolResult("call_1", (Text("noon"),)),)),
    )
    done = {"id": "r", "model": "m", "status": "completed", "output": [
        {"type": "function_call", "call_id": "call_2", "name": "now", "arguments": '{"zone": "CET"}'}]}  # fmt: skip
    server.answer = lambda _: whole(done)
    request = ModelRequest("m", turns, tools=(Tool("now", "The time.", {"type": "object"}),), searches=3)
    answer = await openai.complete(request, TIMES)
    assert (answer.stop, answer.tool_uses) == ("tool_use", (ToolUse("call_2", "now", '{"zone":"CET"}'),))
    sent = server.requests[-1].json
    assert [item.get("type", item.get("role")) for item in sent["input"]] == [
        "user", "assistant", "function_call", "function_call_output",
    ]  # fmt: skip
    assert [tool["type"] for tool in sent["tools"]] == ["function", "web_search"]
    cut = responses(True)[:-2] + [LAST]
    server.answer = lambda _: cut
    with pytest.raises(ProviderError, match="cut before its end"):
        await answer_of(openai, ASK, True)
    failed = {"type": "response.failed", "response": {
        "status": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow"}}}  # fmt: skip
    server.answer = lambda _: sse(failed)
    with pytest.raises(ProviderError, match="slow"):
        await answer_of(openai, ASK, True)
    short = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": [
        {"type": "message", "content": [{"type": "output_text", "text": "Half", "annotations": []}]}]}  # fmt: skip
    server.answer = lambda _: whole(short)
    assert (await openai.complete(ASK, TIMES)).stop == "length"


def test_what_is_no_web_address_is_no_citation() -> None:
    from quorum_mcp.providers.assemble import Assembler

    assembler = Assembler()
    for url in ("javascript:alert(1)", "data:text/html,x", "", "file:///etc/passwd", FIRST, FIRST):
        assembler.cite(Citation(url))
    assembler.text("x")
    assembler.stop = "stop"
    assert [one.url for one in assembler.finish().citations] == [FIRST]
