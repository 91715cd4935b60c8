"""What the tests of the store share: runs and calls to put into one, other processes."""

import asyncio
import sys
from typing import Any

from msgspec import structs

from quorum_mcp.events import Event, EventType, now
from quorum_mcp.ids import new_id
from quorum_mcp.store.call_rows import AttemptRecord, CallRecord
from quorum_mcp.store.clock import now_us
from quorum_mcp.store.run_rows import NewRun


def run(**fields: Any) -> NewRun:
    given = {
        "id": new_id("ses"),
        "input": '{"query": "What is 2 + 2?"}',
        "mode": "quick_consensus",
        "title": "What is 2 + 2?",
        "question": "What is 2 + 2?",
        "tenant": "local",
        "principal": "local",
        "owner": "one",
    }
    return NewRun(**given | fields)


def event(run_id: str, seq: int, kind: EventType = "call.finished", **data: Any) -> Event:
    return Event(run_id, seq, now(), kind, data)


def call(**fields: Any) -> CallRecord:
    given = {
        "id": new_id("call"),
        "tenant": "local",
        "provider": "lab",
        "model": "alpha",
        "created_at": now_us(),
        "status": "ok",
    }
    return CallRecord(**given | fields)


def attempt(of: CallRecord, **fields: Any) -> AttemptRecord:
    given = {
        "id": new_id("att"),
        "call_id": of.id,
        "n": 1,
        "provider": of.provider,
        "model": of.model,
        "started_at": now_us(),
    }
    return AttemptRecord(**given | fields)


def alone(of: CallRecord, **fields: Any) -> CallRecord:
    """The call as its first attempt ended it: the record of both."""
    return structs.replace(of, **{"status": "ok", "attempts": 1, "alone": True} | fields)


async def child(code: str, *arguments: object) -> asyncio.subprocess.Process:
    """Another process that runs `code`, its output piped."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        *map(str, arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def output(process: asyncio.subprocess.Process) -> str:
    """What a child printed, once it has ended well."""
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()
