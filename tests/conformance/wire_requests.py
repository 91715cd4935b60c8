"""One request for each thing that a caller can ask of a model; every wire translates all of them."""

from quorum_mcp.messages import (
    Audio,
    Extra,
    Image,
    JsonFormat,
    Message,
    ModelRequest,
    Reasoning,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
    message,
)
from quorum_mcp.tasks import CountTokens, Draw, Embed, Moderate, Speak, Transcribe

MODEL = "some-model"
ASK = message("user", "How warm is it?")
WEATHER = Tool(
    "get_weather",
    "The weather in a city.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
SCHEMA = {
    "type": "object",
    "properties": {"degrees": {"type": "number"}},
    "required": ["degrees"],
    "additionalProperties": False,
}
CALLS = (
    ToolUse("abcdef001", "get_weather", '{"city":"Paris"}'),
    ToolUse("abcdef002", "get_weather", '{"city":"Rome"}'),
)


def _ask(*messages: Message, **fields: object) -> ModelRequest:
    return ModelRequest(MODEL, messages or (ASK,), **fields)


def _after(*parts: Reasoning | Text) -> ModelRequest:
    return _ask(ASK, Message("assistant", (*parts, Text("20."))), message("user", "And in Rome?"))


REQUESTS: dict[str, ModelRequest] = {
    "text": _ask(),
    "system messages anywhere": _ask(message("system", "Be brief."), ASK, message("system", "Use Celsius.")),
    "settings": _ask(max_tokens=100, temperature=0.5, top_p=0.9, stop=("END",)),
    "seed": _ask(seed=7),
    "conversation": _after(),
    "tools": _ask(tools=(WEATHER,), parallel_tools=True),
    "one tool at a time": _ask(tools=(WEATHER,), parallel_tools=False),
    "tool required": _ask(tools=(WEATHER,), tool_choice=ToolChoice("required")),
    "tool by name": _ask(tools=(WEATHER,), tool_choice=ToolChoice("named", "get_weather")),
    "no tool": _ask(tools=(WEATHER,), tool_choice=ToolChoice("none")),
    "results of two tools": _ask(
        ASK,
        Message("assistant", (Text("Let me look."), *CALLS)),
        Message("tool", (ToolResult("abcdef001", (Text("20"),)),)),
        Message("tool", (ToolResult("abcdef002", (Text("no such city"),), is_error=True),)),
        message("user", "Go on."),
        tools=(WEATHER,),
    ),
    "image as a tool's result": _ask(
        ASK,
        Message("assistant", CALLS[:1]),
        Message("tool", (ToolResult("abcdef001", (Text("a map"), Image("image/png", "AAAA"))),)),
        tools=(WEATHER,),
    ),
    "image as data": _ask(Message("user", (Text("What is it?"), Image("image/jpeg", "AAAA")))),
    "image by url": _ask(Message("user", (Image(url="https://example.com/cat.png"), Text("What is it?")))),
    "image in detail": _ask(Message("user", (Image("image/png", "AAAA", detail="high"),))),
    "audio": _ask(Message("user", (Text("What is said?"), Audio("audio/wav", "AAAA")))),
    "audio in flac": _ask(Message("user", (Audio("audio/flac", "AAAA"),))),
    "json schema": _ask(format=JsonFormat(SCHEMA, name="weather")),
    "any json": _ask(format=JsonFormat()),
    "effort none": _ask(reasoning_effort="none"),
    "effort minimal": _ask(reasoning_effort="minimal"),
    "effort high": _ask(reasoning_effort="high", max_tokens=8000),
    "effort and schema": _ask(reasoning_effort="low", format=JsonFormat(SCHEMA)),
    "open reasoning back": _after(Reasoning("Hm.")),
    "signed reasoning back": _after(Reasoning("Hm.", signature="c2lnbmVk")),
    "sealed reasoning back": _after(Reasoning("", opaque='[{"type":"reasoning.encrypted","data":"x"}]')),
}

TWO = Message("user", (Text("a"), Text("b")))
SAID = message("user", "Two and two.")
TASKS: dict[str, ModelRequest] = {
    "embeddings": _ask(TWO, task=Embed()),
    "short embeddings": _ask(TWO, task=Embed(8)),
    "embeddings of tokens": _ask(Message("user", ()), task=Embed(tokens=((1, 2), (3,)))),
    "image": _ask(SAID, task=Draw()),
    "images": _ask(SAID, task=Draw(2, "1024x1024", "b64_json"), extra=Extra("openai", {"quality": "high"})),
    "square image": _ask(SAID, task=Draw(1, "1024x1024")),
    "wide image": _ask(SAID, task=Draw(1, "1536x1024")),
    "image by url": _ask(SAID, task=Draw(form="url")),
    "speech": _ask(SAID, task=Speak("alloy")),
    "speech as wav": _ask(SAID, task=Speak("alloy", "wav")),
    "fast speech": _ask(SAID, task=Speak("alloy", "pcm", 2.0)),
    "moderations": _ask(TWO, task=Moderate()),
    "moderation of text and image": _ask(
        Message("user", (Text("a"), Image("image/png", "AAAA"))), task=Moderate(one=True)
    ),
    "token count": _ask(message("system", "Be brief."), ASK, tools=(WEATHER,), task=CountTokens()),
    "transcription without audio": _ask(SAID, task=Transcribe("a.wav")),
}
