"""What clients can read: sessions, their reports, and what can be asked. Each is an operation's output."""

from collections.abc import Mapping
from typing import Any

from mcp_types import ReadResourceResult, Resource, ResourceTemplate, TextResourceContents

from quorum_mcp import codec
from quorum_mcp.api.mcp.backend import Backend
from quorum_mcp.api.mcp.offers import Bind, Caller, ResourceOffer, TemplateOffer
from quorum_mcp.operations.manifest import operations

JSON, MARKDOWN = "application/json", "text/markdown"
SESSION, REPORT = "quorum://sessions/{session_id}", "quorum://sessions/{session_id}/report"
LATEST = 20
"""Sessions listed by their own address."""
TO_COMPLETE = 100


async def sessions(backend: Backend) -> list[Resource]:
    """The caller's latest sessions, newest first."""
    return [
        Resource(
            uri=SESSION.format(session_id=line["session_id"]),
            name=line["session_id"],
            title=line["title"],
            description=f"{line['status']}, {line['mode']}, begun {line['created_at']}",
            mime_type=JSON,
        )
        for line in (await _said(backend, "sessions.list", limit=LATEST))["sessions"]
    ]


def resources(bind: Bind) -> list[ResourceOffer]:
    """Those with one address."""

    def offer(uri: str, name: str, title: str, description: str, operation: str) -> ResourceOffer:
        async def read(ctx: Caller) -> ReadResourceResult:
            return _json(uri, await _said(bind(ctx), operation))

        definition = Resource(uri=uri, name=name, title=title, description=description, mime_type=JSON)
        return ResourceOffer(definition, read)

    return [
        offer("quorum://models", "models", "Models", "The models that can be asked, with prices.", "models.list"),
        offer("quorum://providers", "providers", "Providers", "The providers and their health.", "providers.list"),
        offer("quorum://sessions", "sessions", "Sessions", "The caller's sessions, newest first.", "sessions.list"),
    ]  # fmt: skip


def templates(bind: Bind) -> list[TemplateOffer]:
    """Those of one session each."""

    async def session(ctx: Caller, uri: str, values: Mapping[str, str]) -> ReadResourceResult:
        return _json(uri, await _said(bind(ctx), "session.get", session_id=values["session_id"]))

    async def report(ctx: Caller, uri: str, values: Mapping[str, str]) -> ReadResourceResult:
        found = await _said(bind(ctx), "session.export", session_id=values["session_id"], format="md")
        text = TextResourceContents(uri=uri, mime_type=MARKDOWN, text=found["content"])
        return ReadResourceResult(contents=[text])

    async def complete(ctx: Caller, _: str, begun: str) -> list[str]:
        lines = (await _said(bind(ctx), "sessions.list", limit=TO_COMPLETE))["sessions"]
        wanted = begun.casefold()
        return [
            line["session_id"]
            for line in lines
            if line["session_id"].startswith(begun) or (wanted and wanted in line["title"].casefold())
        ]

    return [
        TemplateOffer(
            ResourceTemplate(
                uri_template=SESSION, name="session", title="Session", mime_type=JSON,
                description="A whole session: turns, rounds, calls and costs.",
            ),
            session, complete,
        ),
        TemplateOffer(
            ResourceTemplate(
                uri_template=REPORT, name="report", title="Session report", mime_type=MARKDOWN,
                description="A session as a report to read: the answer, who said what, the costs.",
            ),
            report, complete,
        ),
    ]  # fmt: skip


async def _said(backend: Backend, name: str, **given: Any) -> dict[str, Any]:
    return await backend(operations()[name], given, None)


def _json(uri: str, value: dict[str, Any]) -> ReadResourceResult:
    contents = TextResourceContents(uri=uri, mime_type=JSON, text=codec.encode_text(value))
    return ReadResourceResult(contents=[contents])
