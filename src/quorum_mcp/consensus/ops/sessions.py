"""Sessions of panels: read whole, exported, asked again, scored; and the files that questions use."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from quorum_mcp.consensus.conversation import decoded
from quorum_mcp.consensus.export import exported
from quorum_mcp.consensus.ops.ask import ASK, carried_out
from quorum_mcp.consensus.query import MAX_FILE, QueryAnswer, Upload
from quorum_mcp.consensus.service import Consensus
from quorum_mcp.consensus.session import SessionView, view
from quorum_mcp.operations.card import Effect, Http, Operation
from quorum_mcp.operations.context import Context
from quorum_mcp.runs.ops import SessionId
from quorum_mcp.runs.service import Runs
from quorum_mcp.store.files import Files
from quorum_mcp.store.journal import Journal
from quorum_mcp.store.records import CallFilter, Records


async def get_session(ctx: Context, given: SessionId) -> SessionView:
    """The whole session: all turns, rounds, calls and costs."""
    runs, tenant = ctx.get(Runs), ctx.principal.tenant
    run = await runs.get(given.session_id, tenant)
    events = await runs.events.read(run.id)
    await ctx.get(Journal).flush()  # its last calls may have ended a moment ago
    calls = await ctx.get(Records).page(CallFilter(tenant=tenant, run_id=run.id), limit=500)
    return view(run, events, list(reversed(calls.items)))


class ExportChoice(SessionId):
    """A session and the form to export it in."""

    format: Literal["json", "md", "html"] = Field("json", description="The form.")


class Export(BaseModel):
    """An exported session; REST sends `content` itself, under its media type."""

    media_type: str = Field(description="Its media type.")
    filename: str = Field(description="A name for the file.")
    content: str = Field(description="The text.")


async def export_session(ctx: Context, given: ExportChoice) -> Export:
    """A session as JSON, Markdown, or one HTML file."""
    session = await get_session(ctx, SessionId(session_id=given.session_id))
    media_type, content = exported(session, given.format)
    return Export(media_type=media_type, filename=f"{given.session_id}.{given.format}", content=content)


class Rerun(SessionId):
    """A session whose last question is asked again, with other models or another mode where given."""

    mode: Literal["quick_consensus", "full_deliberation", "devils_advocate"] | None = Field(
        None, description="Another mode."
    )
    panel: str | list[str] | None = Field(None, description="Another panel: its name, or a list of models.")
    wait: bool = Field(True, description="false: answer with the new session at once.")


async def rerun(ctx: Context, given: Rerun) -> QueryAnswer:
    """Ask a session's last question again in a new session."""
    run = await ctx.get(Runs).get(given.session_id, ctx.principal.tenant)
    changes: dict[str, Any] = {}
    if given.mode is not None:
        changes["mode"] = given.mode
    if given.panel is not None:
        changes |= {"panel": given.panel, "providers": None}
    starting = ctx.get(Consensus).rerun(run, changes, ctx.principal)
    return await carried_out(ctx, starting, waits=given.wait)


class NewFile(BaseModel):
    """A file to upload, its content in base64."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=255, description="The file name.")
    media_type: str = Field("text/plain", description="Its media type.")
    data: str = Field(
        max_length=MAX_FILE * 4 // 3 + 4, description="Its content in base64, at most 10,000,000 bytes."
    )


class StoredFile(BaseModel):
    """An uploaded file; `size` in bytes."""

    id: str = Field(description="The id that questions name it by.")
    name: str = Field(description="The file name.")
    media_type: str = Field(description="Its media type.")
    size: int = Field(description="Bytes.")


async def upload(ctx: Context, given: NewFile) -> StoredFile:
    """Store a file that queries can name by its id."""
    file = decoded(Upload(name=given.name, media_type=given.media_type, data=given.data))
    info = await ctx.get(Files).add(
        tenant=ctx.principal.tenant, name=file.name, media_type=file.media_type, content=file.content
    )
    return StoredFile(id=info.id, name=info.name, media_type=info.media_type, size=info.size)


OPERATIONS = [
    Operation(
        "session.get", "A whole session: turns, rounds, calls and costs.", get_session, SessionId, SessionView,
        http=Http("GET", "/api/session/{session_id}"),
    ),
    Operation(
        "session.export", "A session as JSON, Markdown or one HTML file.", export_session, ExportChoice, Export,
        http=Http("GET", "/api/session/{session_id}/export"),
    ),
    Operation(
        "session.rerun", "Ask a session's last question again, in a new session.", rerun, Rerun, QueryAnswer,
        Effect.SPEND, ASK, http=Http("POST", "/api/session/{session_id}/rerun"), open_world=True,
    ),
    Operation(
        "files.upload", "Upload a file to use in questions.", upload, NewFile, StoredFile, Effect.WRITE, ASK,
        http=Http("POST", "/api/files", 201),
    ),
]  # fmt: skip
