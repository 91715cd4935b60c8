"""Scores, calibrations and uploaded files."""

import pytest
from tests.support.stores import Store
from tests.unit.storing import run

from quorum_mcp import codec
from quorum_mcp.errors import NotFound
from quorum_mcp.store.calibrations import Calibrations
from quorum_mcp.store.clock import now_us
from quorum_mcp.store.feedback import Feedback
from quorum_mcp.store.files import Files
from quorum_mcp.store.runs import Runs

pytestmark = pytest.mark.anyio


async def test_a_turn_has_one_score_the_last(store: Store) -> None:
    async with store.opened() as database:
        feedback = Feedback(database)
        new = run()
        await Runs(database).create(new)
        await feedback.give(new.id, 1, 0.0, tenant="local")
        last = await feedback.give(new.id, 1, 1.0, tenant="local", note="right after all")
        assert await feedback.since() == [last]
        assert await feedback.since(tenant="other") == []
        assert await feedback.since(last.at) == []


@pytest.mark.parametrize(("turn", "tenant"), [(0, "local"), (2, "local"), (1, "other")])
async def test_only_ones_own_turns_are_scored(store: Store, turn: int, tenant: str) -> None:
    async with store.opened() as database:
        new = run()
        await Runs(database).create(new)
        with pytest.raises(NotFound):
            await Feedback(database).give(new.id, turn, 1.0, tenant=tenant)
        assert await Feedback(database).since() == []


async def test_a_calibration_replaces_the_one_before(store: Store) -> None:
    async with store.opened() as database:
        calibrations = Calibrations(database)
        await calibrations.put("default", {"guard": "majority"})
        await calibrations.put("default", {"guard": "leader"})
        await calibrations.put("other", [1])
        stored = await calibrations.get("default")
        assert stored is not None
        assert codec.decode(stored) == {"guard": "leader"}
        assert list(await calibrations.all()) == ["default", "other"]
        assert await calibrations.remove("default")
        assert not await calibrations.remove("default")
        assert await calibrations.get("default") is None


async def test_a_file_is_its_tenants_alone_and_goes_in_time(store: Store) -> None:
    async with store.opened() as database:
        files = Files(database)
        content = bytes(range(256)) * 100
        info = await files.add(tenant="a", name="a b.bin", media_type="image/png", content=content)
        assert await files.get(info.id, tenant="a") == (info, content)
        assert await files.get(info.id, tenant="b") is None
        assert await files.remove_before(info.created_at) == 0
        assert await files.remove_before(now_us() + 1) == 1
        assert await files.get(info.id, tenant="a") is None
