"""Events of real runs hold what the documentation says, field by field."""

from collections import defaultdict
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from tests.support.script import Say
from tests.support.server import scripted

from quorum_mcp.event_data import DATA

pytestmark = pytest.mark.anyio
ENDED = {"timeout_seconds": 3, "wait": False}
OF_NO_RUN = {"stats", "budget.alert", "provider.status"}
LIVE = {"call.delta", "synthesis.delta"}
"""Sent while a model writes; they name their call, which names the turn."""
GROUPING = """{"positions": [{"summary": "trees", "members": ["A"]}, {"summary": "hashes", "members": ["B"]}],
 "points": [{"text": "they are fast", "status": "agreed", "members": ["A", "B"],
             "quotes": [{"member": "A", "quote": "they are fast"}, {"member": "B", "quote": "they are fast"}]}],
 "blind_spots": []}"""


@pytest.mark.timeout(30)
async def test_events_hold_the_documented_fields(tmp_path: Path) -> None:
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    async with scripted(tmp_path) as (up, rest):
        up.model("a", Say("It is four.\nCONCLUSION: 4", drip=0.03, piece=4))
        up.model("b", "It is five.\nCONCLUSION: 5")
        up.model("c", "Use trees, because they are fast.", grouping=GROUPING, synthesis="Both are fast.")
        up.model("d", "Use hashes, because they are fast.", grouping=GROUPING, synthesis="Both are fast.")
        up.model("broken", Say(fail="error"))
        up.model("silent", Say(fail="hang"))
        asked = [
            (["lab/a", "lab/b", "lab/broken"], "full_deliberation"),
            (["lab/a", "lab/b"], "devils_advocate"),
            (["lab/c", "lab/d"], "quick_consensus"),
            (["lab/broken"], "quick_consensus"),
        ]
        for panel, mode in asked:
            run = await rest.ask("What is best?", panel, mode=mode, **ENDED)
            async for event in rest.events(run["session_id"]):
                found[event["type"]].append(event["data"])
        run = await rest.ask("What is best?", ["lab/silent"], **ENDED)
        await rest.post(f"/api/session/{run['session_id']}/cancel", {})
        for event in await rest.all_events(run["session_id"]):
            found[event["type"]].append(event["data"])
    assert found.keys() | {"synthesis.delta"} == DATA.keys() - OF_NO_RUN, "each type of event was met"
    for name, seen in found.items():
        documented = get_type_hints(DATA[name]).keys() | (set() if name in LIVE else {"turn"})
        for data in seen:
            assert data.keys() == documented, name
