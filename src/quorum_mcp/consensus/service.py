"""The panel at work: a query becomes a run, and the run carries out its plan."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import structs

from quorum_mcp import codec
from quorum_mcp.access.files import read_allowed
from quorum_mcp.access.keys import Keys
from quorum_mcp.access.principal import Principal
from quorum_mcp.calls.pipeline import Calls
from quorum_mcp.config.settings import Settings
from quorum_mcp.consensus.conversation import File, conversation, decoded
from quorum_mcp.consensus.deliberation import Deliberation
from quorum_mcp.consensus.modes import Outcome, deliberate
from quorum_mcp.consensus.panel import seats
from quorum_mcp.consensus.plan import Plan, Seat, Strategy
from quorum_mcp.consensus.planning import check_follow_up, make_plan
from quorum_mcp.consensus.preferences import Preferences
from quorum_mcp.consensus.query import Query, Upload
from quorum_mcp.consensus.report import report
from quorum_mcp.consensus.strategies import STRATEGIES
from quorum_mcp.consensus.synthesis import write
from quorum_mcp.consensus.track import Track
from quorum_mcp.errors import InvalidInput, NotFound
from quorum_mcp.ids import new_id
from quorum_mcp.providers.registry import Registry
from quorum_mcp.runs.context import RunContext
from quorum_mcp.runs.service import Runs
from quorum_mcp.store.clock import MICROSECONDS, now_us
from quorum_mcp.store.files import Files
from quorum_mcp.store.records import CallFilter, Records
from quorum_mcp.store.run_rows import Key, NewRun, NewTurn, Run, Started, body_hash

KIND = "consensus"
TITLE = 120
ONCE = {
    "session_id", "messages", "context", "files", "file_paths", "images", "idempotency_key", "wait", "stream",
}  # fmt: skip
"""Fields of a query that are not kept to ask it again: its conversation has them already, or they were for once."""


class Consensus:
    """Asks panels. One per process."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        calls: Calls,
        runs: Runs,
        files: Files,
        track: Track,
        records: Records,
        keys: Keys,
    ) -> None:
        self.settings = settings
        self.registry = registry
        self.runs = runs
        self.track = track
        self.preferences = Preferences()
        self._calls = calls
        self._files = files
        self._records = records
        self._keys = keys
        runs.handlers[KIND] = self.carry_out

    async def plan(self, query: Query, principal: Principal) -> Plan:
        """The plan that `query` would be carried out by."""
        check_follow_up(query)
        await self.track.refresh()
        chosen = await self._seats(query, principal)
        files = [await self._file(upload, principal) for upload in query.files]
        files += [await asyncio.to_thread(self._local, path) for path in query.file_paths]
        images = [await self._file(upload, principal) for upload in query.images]
        earlier = await self._earlier(query.session_id, principal) if query.session_id else []
        messages = conversation(query, files, images, earlier)
        calibration = await self.track.of([seat.model for seat in chosen])
        return await make_plan(
            query, chosen, messages, self.settings, self.registry, calibration, principal.key
        )

    async def start(
        self,
        query: Query,
        principal: Principal,
        *,
        strategy: Strategy | None = None,
        stages: int = 3,
        about: Mapping[str, Any] | None = None,
    ) -> Started:
        """Begin a run (or a session's next turn) that carries out the query, by its mode or by a strategy.

        `about` is kept with it for whoever reads the answers: plain values, what they mean to the tool that asked.
        """
        plan = structs.replace(await self.plan(query, principal), strategy=strategy, stages=stages)
        key = None
        if query.idempotency_key is not None:
            key = Key(
                query.idempotency_key, body_hash(query.model_dump(mode="json", exclude={"wait", "stream"}))
            )
        return await self._launch(query, plan, principal, key, about)

    async def rerun(self, run: Run, changes: dict[str, Any], principal: Principal) -> Started:
        """Begin a new session that asks the last question of `run` again, all else as it was but for `changes`."""
        stored = codec.decode(run.input)
        before = msgspec.convert(stored["plan"], Plan)
        fields = stored["query"] | changes
        if "panel" not in changes:
            fields |= {"panel": list(dict.fromkeys(seat.model for seat in before.seats)), "providers": None}
        query = Query.model_validate(fields)
        await self.track.refresh()
        chosen = await self._seats(query, principal)
        calibration = await self.track.of([seat.model for seat in chosen])
        plan = await make_plan(
            query, chosen, before.conversation, self.settings, self.registry, calibration, principal.key
        )
        plan = structs.replace(plan, strategy=before.strategy, stages=before.stages)
        return await self._launch(query, plan, principal, None, stored.get("about"))

    async def _launch(
        self, query: Query, plan: Plan, principal: Principal, key: Key | None, about: Mapping[str, Any] | None
    ) -> Started:
        asked = query.model_dump(mode="json", exclude_unset=True, exclude=ONCE)
        given = msgspec.json.encode({"plan": plan, "query": asked, "about": about}).decode()
        deadline = now_us() + int(plan.timeout * MICROSECONDS)
        if query.session_id is not None:
            before = await self.runs.get(query.session_id, principal.tenant)
            turn = NewTurn(run_id=before.id, tenant=principal.tenant, principal=principal.id, input=given,
                           mode=query.mode, owner=self.runs.owner, deadline_at=deadline)  # fmt: skip
            return await self.runs.start_turn(turn, before, plan.timeout, key=key)
        new = NewRun(
            id=new_id("ses"),
            kind=KIND,
            input=given,
            mode=query.mode,
            title=" ".join(query.query.split())[:TITLE],
            question=query.query,
            tenant=principal.tenant,
            principal=principal.id,
            owner=self.runs.owner,
            deadline_at=deadline,
            simulated=plan.simulated,
        )
        return await self.runs.start(new, plan.timeout, key=key)

    async def carry_out(self, run: RunContext) -> dict[str, Any]:
        """Deliberate as the plan says and write the answer; the code of a run of this kind."""
        plan = msgspec.convert(run.input["plan"], Plan)
        table = Deliberation(run, self._calls, plan, await self._keys.rule(run.principal, run.tenant))
        run.totals.simulated = run.totals.simulated or plan.simulated
        if run.resumed:
            table.take_up(await self._lost(run))
            table.warnings.append("the run went on after its process had ended; open calls were asked again")
        await run.emit("run.started", _started(plan))
        outcome = await (deliberate(table) if plan.strategy is None else STRATEGIES[plan.strategy](table))
        prose = None if plan.strategy is not None else await self._prose(table, outcome)
        calibration = await self.track.of([seat.model for seat in plan.seats])
        answer = report(table, outcome, prose, calibration)
        return {
            "session_id": run.run_id,
            "run_id": run.run_id,
            "turn": run.turn,
            "status": "completed",
            **answer,
            "duration": round(time.monotonic() - run.began, 4),
        }

    async def _lost(self, run: RunContext) -> int:
        """Nanodollars of this turn's calls that were open when its earlier owner ended; they are made anew."""
        where = CallFilter(tenant=run.tenant, run_id=run.run_id, since=run.first_us)
        calls = (await self._records.page(where, limit=500)).items
        return sum(call.cost or 0 for call in calls if call.id not in run.logged)

    async def _prose(self, table: Deliberation, outcome: Outcome) -> str | None:
        voices = [reply for reply in outcome.standing if not reply.abstained]
        wanted = table.plan.always_write or (outcome.open and len(voices) > 1)
        if not wanted or not table.plan.writers:
            return None
        prose = await write(table, outcome.standing, outcome.conclusion, outcome.findings, table.at(1.0))
        if prose is None:
            table.degrade("nobody could write the answer in prose; it is the winner's own text")
        return prose

    async def _seats(self, query: Query, principal: Principal) -> tuple[Seat, ...]:
        return await seats(
            query, self.settings, self.registry, self.track.strength, self._usable, principal.key
        )

    def _usable(self, provider: str) -> bool:
        return self._calls.balance.state(provider) != "open"

    async def _file(self, upload: Upload, principal: Principal) -> File:
        if upload.id is None:
            return decoded(upload)
        found = await self._files.get(upload.id, tenant=principal.tenant)
        if found is None:
            raise NotFound(f"there is no file {upload.id}", hint="upload it with POST /api/files")
        info, content = found
        return File(info.name, info.media_type, content)

    def _local(self, path: str) -> File:
        name, content = read_allowed(path, self.settings.files.roots)
        return File(name, "text/plain", content)

    async def _earlier(self, session_id: str, principal: Principal) -> list[tuple[str, str]]:
        """Questions and answers of a session's finished turns."""
        run = await self.runs.get(session_id, principal.tenant)
        if run.kind != KIND:
            raise InvalidInput(f"{session_id} is no conversation", hint="start a new session")
        events = await self.runs.events.read(session_id, types=("run.started", "run.finished"))
        asked = {event.data["turn"]: event.data["query"] for event in events if event.type == "run.started"}
        ended = {e.data["turn"]: e.data["result"] for e in events if e.type == "run.finished"}
        return [
            (asked[turn], str(ended[turn].get("consensus") or "")) for turn in sorted(ended) if turn in asked
        ]


def _started(plan: Plan) -> dict[str, Any]:
    return {
        "query": plan.question,
        "mode": plan.mode,
        "seats": [msgspec.to_builtins(seat) for seat in plan.seats],
        "judges": list(plan.judges),
        "writers": list(plan.writers),
        "guard": msgspec.to_builtins(plan.guard),
        "seed": plan.seed,
        "prompt_version": plan.prompt_version,
        "timeout": plan.timeout,
        "simulated": plan.simulated,
        "warnings": list(plan.warnings),
    }
