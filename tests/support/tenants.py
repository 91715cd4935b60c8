"""Two organisations on one server, and a world of the first one that the second must not see."""

from dataclasses import dataclass, field
from typing import Any

from tests.support.keys import ALL, eventually, make_key, showing
from tests.support.rest import Rest
from tests.support.script import Say
from tests.support.upstream import Upstream

CANARY = "canary7f3a"
QUESTION = f"What is 2 + 2, {CANARY}?"
ASKED = {"query": QUESTION, "panel": ["lab/a"], "tags": [CANARY], "idempotency_key": f"{CANARY}-key"}
CHAT = {"model": "lab/a", "temperature": 0, "messages": [{"role": "user", "content": f"{CANARY}: 2 + 2?"}]}
FILE = "aGVsbG8gY2FuYXJ5N2YzYQ=="
LABELLED = {"question": QUESTION, "answers": [{"model": f"lab/{CANARY}", "text": "4", "correct": 1}]}


@dataclass
class World:
    """What A has, by kind; `ids` are the values that lead to it."""

    up: Upstream
    operator: Rest
    a: Rest
    b: Rest
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def secrets(self) -> list[str]:
        """What B must never read, unless B wrote it."""
        return [CANARY, FILE, *self.ids.values()]


def script(up: Upstream, words: str) -> None:
    """Models whose answers hold these words: `a` answers, `bad` refuses, `slow` waits."""
    up.model("a", f"It is four, {words}.\nCONCLUSION: 4")
    up.model("bad", Say(fail="auth", refusal=f"bad request: {words}"))
    up.model("slow", Say("It is four.\nCONCLUSION: 4", hold="for ever"))


async def organisation(operator: Rest, name: str) -> tuple[str, dict[str, Any]]:
    """An organisation and its first key, which may do everything."""
    made = await operator.post("/api/organizations", {"name": name})
    assert made.status == 200, made.body
    return made["id"], await make_key(operator, f"{name} admin", organization=name, scopes=ALL)


async def world(up: Upstream, operator: Rest) -> World:
    """A with a session, calls, a file, feedback, keys, budgets and alerts; B with nothing but a key."""
    script(up, CANARY)
    org, key = await organisation(operator, f"{CANARY} inc")
    _, other = await organisation(operator, "globex")
    found = World(up, operator, showing(operator, key["key"]), showing(operator, other["key"]))
    a, ids = found.a, found.ids
    ids |= {"organization": org, "key": key["id"], "key_hint": key["key"]}
    for provider in (None, "lab"):
        body = {
            "period": "total",
            "limit": 0.000001,
            "organization": org,
            "provider": provider,
            "enforce": False,
        }
        answer = await operator.post("/api/budget", body)
        assert answer.status == 200, answer.body
        ids[f"budget {provider}"] = answer["id"]
    answered = await a.ask(**{"question": QUESTION, **{k: v for k, v in ASKED.items() if k != "query"}})
    ids["session"] = answered["session_id"]
    ids["call"] = answered["provider_responses"][0]["call_id"]
    failed = await a.query(QUESTION, ["lab/bad"])
    ids["failed"] = failed.error["details"]["session_id"] if failed.status >= 400 else failed["session_id"]
    running = await a.ask(QUESTION, ["lab/slow"], wait=False, timeout_seconds=25)
    ids["running"] = running["session_id"]
    upload = {"name": f"{CANARY}.txt", "data": FILE}
    await expect(a, "POST", "/api/files", upload, into=(ids, "file", "id"))
    note = {"session_id": ids["session"], "score": 1.0, "note": CANARY}
    await expect(a, "POST", "/api/feedback", note)
    await expect(a, "POST", "/api/keys", {"name": CANARY}, into=(ids, "second key", "id"))
    one = {"model": "lab/a", "temperature": 0, "messages": [{"role": "user", "content": CANARY}]}
    await expect(a, "POST", "/api/models/generate", one, into=(ids, "generated", "call_id"))
    await expect(a, "POST", "/api/calibrate", {"rows": [LABELLED], "name": CANARY})
    await expect(a, "POST", "/v1/chat/completions", CHAT)
    stored = {"model": "lab/a", "input": CANARY, "store": True}
    await expect(a, "POST", "/v1/responses", stored, into=(ids, "response", "id"))

    async def alerted() -> bool:
        return len((await a.get("/api/budget/alerts"))["alerts"]) >= 2

    await eventually(alerted)
    return found


async def expect(
    q: Rest, method: str, path: str, body: Any, *, into: tuple[dict[str, str], str, str] | None = None
) -> None:
    """A request that succeeds; a field of its answer is kept."""
    answer = await q.request(method, path, json=body)
    assert answer.status in (200, 201), answer.body
    if into is not None:
        ids, name, of = into
        ids[name] = answer[of]
