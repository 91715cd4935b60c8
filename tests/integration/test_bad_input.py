"""Requests that cannot be carried out: the error of the table, a way out, and nothing half-stored."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.rest import Answer, Rest
from tests.support.script import Say
from tests.support.server import config, scripted, serving
from tests.support.upstream import Upstream, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
FOUR = "CONCLUSION: 4"
Q = {"query": "2 + 2?", "panel": ["lab/alpha"]}

REFUSED: list[tuple[dict[str, Any], int, str, str]] = [
    # (changes to the body, status, code, words of the message or hint)
    ({"query": ""}, 422, "invalid_input", "query"),
    ({"query": "  \n\t "}, 422, "invalid_input", "query"),
    ({"query": "x" * 50_001}, 422, "invalid_input", "50000"),
    ({"query": None}, 422, "invalid_input", "query"),
    ({"query": 4}, 422, "invalid_input", "query"),
    ({"query": ["2 + 2?"]}, 422, "invalid_input", "query"),
    ({"context": "x" * 100_001}, 422, "invalid_input", "100000"),
    ({"mode": "quick"}, 422, "invalid_input", "quick_consensus"),
    ({"mode": "full_delibration"}, 422, "invalid_input", "full_deliberation"),
    ({"mode": ""}, 422, "invalid_input", "mode"),
    ({"answer_format": "numbr"}, 422, "invalid_input", "number"),
    ({"quary": "x"}, 422, "invalid_input", "query"),
    ({"max_token": 5}, 422, "invalid_input", "max_tokens"),
    ({"panel": ["lab/alpa"]}, 404, "model_not_found", "lab/alpha"),
    ({"panel": ["lap/alpha"]}, 404, "model_not_found", "lab/alpha"),
    ({"panel": ["alfa"]}, 404, "model_not_found", "alpha"),
    ({"panel": None, "providers": ["lap"]}, 404, "model_not_found", "lab"),
    ({"panel": "defalt"}, 404, "model_not_found", "default"),
    ({"panel": []}, 422, "invalid_input", ""),
    ({"panel": None, "providers": []}, 422, "invalid_input", "providers"),
    ({"panel": [""]}, 404, "model_not_found", ""),
    ({"panel": [5]}, 422, "invalid_input", "panel"),
    ({"panel": ["quorum/quick"]}, 500, "config_error", "quorum/quick"),
    ({"panel": ["anthropic/claude"]}, 404, "model_not_found", "ANTHROPIC_API_KEY"),
    ({"providers": ["lab"]}, 422, "invalid_input", "panel"),
    ({"panel": ["lab/alpha"] * 40}, 422, "invalid_input", "40"),
    ({"panel": ["lab/alpha"] * 4, "samples": 10}, 422, "invalid_input", "40"),
    ({"exclude_providers": ["lab"]}, 422, "invalid_input", "exclude"),
    ({"synthesizer": "lab/alpa"}, 404, "model_not_found", "lab/alpha"),
    ({"samples": 0}, 422, "invalid_input", "samples"),
    ({"samples": 11}, 422, "invalid_input", "samples"),
    ({"samples": 1.5}, 422, "invalid_input", "samples"),
    ({"samples": "3"}, 422, "invalid_input", "samples"),
    ({"max_tokens": 0}, 422, "invalid_input", "max_tokens"),
    ({"max_tokens": 10**30}, 422, "invalid_input", "max_tokens"),
    ({"temperature": 2.1}, 422, "invalid_input", "temperature"),
    ({"temperature": -0.1}, 422, "invalid_input", "temperature"),
    ({"temperature": True}, 422, "invalid_input", "temperature"),
    ({"max_cost": 0}, 422, "invalid_input", "max_cost"),
    ({"max_cost": -1}, 422, "invalid_input", "max_cost"),
    ({"max_cost": 1e-12}, 402, "budget_exceeded", "max_cost"),
    ({"timeout_seconds": 0}, 422, "invalid_input", "timeout_seconds"),
    ({"timeout_seconds": 1e9}, 422, "invalid_input", "timeout_seconds"),
    ({"exhaustive": "yes"}, 422, "invalid_input", "exhaustive"),
    ({"wait": 1}, 422, "invalid_input", "wait"),
    ({"idempotency_key": ""}, 422, "invalid_input", "idempotency_key"),
    ({"idempotency_key": "k" * 256}, 422, "invalid_input", "idempotency_key"),
    ({"tags": [""]}, 422, "invalid_input", "tags"),
    ({"tags": ["x"] * 21}, 422, "invalid_input", "tags"),
    ({"tools": ["web_search"]}, 400, "unsupported", "web search"),
    ({"tools": ["shell"]}, 422, "invalid_input", "tools"),
    ({"session_id": "ses_none"}, 404, "not_found", "ses_none"),
    ({"messages": [{"role": "tool", "content": "x"}]}, 422, "invalid_input", "messages"),
    ({"messages": [{"role": "user"}]}, 422, "invalid_input", "messages"),
    ({"files": [{"data": "not base64!"}]}, 422, "invalid_input", "base64"),
    ({"files": [{"data": "AAAA"}]}, 422, "invalid_input", "text file"),
    ({"files": [{"data": "eA==", "id": "x"}]}, 422, "invalid_input", "either id or data"),
    ({"files": [{"id": "file_none"}]}, 404, "not_found", "file_none"),
    ({"images": [{"data": "eA==", "media_type": "text/plain"}]}, 422, "invalid_input", "image"),
    ({"images": [{"data": "eA==", "media_type": "image/svg+xml"}]}, 422, "invalid_input", "image/svg+xml"),
    (
        {
            "images": [{"data": "eA==", "media_type": "image/png"}],
            "panel": ["lab/alpha", "builtin/arithmetic"],
        },
        400,
        "unsupported",
        "builtin/arithmetic",
    ),
    ({"files": [{"data": "eA=="}] * 51}, 422, "invalid_input", "files"),
    ({"file_paths": ["/etc/passwd"]}, 403, "forbidden", "roots"),
]


def closed(up: Upstream) -> dict[str, Any]:
    """A configuration that says which models there are."""
    given = config(up.url, panels={"default": ["lab/alpha"]})
    given["providers"]["lab"] |= {"models": ["alpha", "beta"]}
    return given


async def nothing_happened(up: Upstream, q: Rest) -> None:
    assert up.asked == []
    assert (await q.get("/api/sessions"))["sessions"] == []
    assert (await q.get("/api/calls"))["calls"] == []


def is_error(answer: Answer, status: int, code: str, words: str = "") -> None:
    assert answer.status == status, answer.body
    error = answer.error
    assert set(error) == {"code", "message", "hint", "details", "request_id"}
    assert error["code"] == code
    assert words in error["message"] + (error["hint"] or ""), error
    assert error["request_id"] == answer.headers["x-request-id"]
    assert "Traceback" not in json.dumps(answer.body)


async def test_every_wrong_field_of_a_query(tmp_path: Path) -> None:
    async with upstream() as up, serving(tmp_path, closed(up)) as q:
        up.model("alpha", FOUR)
        for change, status, code, words in REFUSED:
            body = {
                name: value for name, value in (Q | change).items() if value is not None or name == "query"
            }
            answer = await q.post("/api/query", body)
            try:
                is_error(answer, status, code, words)
                if status in (404, 402, 403, 400):
                    assert answer.error["hint"]
            except AssertionError as failure:
                raise AssertionError(f"{str(change)[:80]}: {failure}") from failure
        await nothing_happened(up, q)


@pytest.mark.parametrize(
    ("raw", "kind", "status", "words"),
    [
        (b'{"query": "x"', "application/json", 400, "not JSON"),
        (b"query=2+2", "application/x-www-form-urlencoded", 400, "application/json"),
        (b'{"query": "x"}', "text/plain", 400, "application/json"),
        (b'{"query": "x"}', "", 400, "application/json"),
        (b'["query"]', "application/json", 400, "object"),
        (b'"query"', "application/json", 400, "object"),
        (b"null", "application/json", 400, "object"),
        (b"", "application/json", 422, "query"),
        (b'{"query": "\xff\xfe"}', "application/json", 400, "not JSON"),
        (b'{"query": "\\ud800"}', "application/json", 400, "not JSON"),
        (b'{"query": "x", "max_cost": NaN}', "application/json", 400, "not JSON"),
        (b'{"query": "x", "max_cost": Infinity}', "application/json", 400, "not JSON"),
        (b'{"query": "x", "max_cost": 1e999}', "application/json", 0, ""),
        (b"[" * 100_000, "application/json", 400, "not JSON"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "application/json", 400, "not JSON"),
        (b'{"query": "x", "query": "y", "zzz": 1}', "application/json", 422, "zzz"),
    ],
)
async def test_bodies_that_are_no_query(
    tmp_path: Path, raw: bytes, kind: str, status: int, words: str
) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("alpha", FOUR)
        headers = {"content-type": kind} if kind else {}
        skip = ["content-type"] if not kind else []
        answer = await q.request("POST", "/api/query", data=raw, headers=headers, skip_auto_headers=skip)
        assert answer.status in ((400, 422) if status == 0 else (status,)), answer.body
        is_error(answer, answer.status, "invalid_input", words)
        await nothing_happened(up, q)


async def test_a_huge_body_is_refused_without_reading_it_all(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        sent = 0

        async def endless() -> Any:
            nonlocal sent
            yield b'{"query": "'
            for _ in range(3000):
                sent += 2**20
                yield b"x" * 2**20

        try:
            answer = await q.request(
                "POST", "/api/query", data=endless(), headers={"content-type": "application/json"}
            )
            is_error(answer, 413, "invalid_input", "larger")
        except aiohttp.ClientError:
            pass  # refused and hung up on: the sender may not get to read why
        assert sent < 200 * 2**20
        assert (await q.get("/api/health/live")).status == 200
        await nothing_happened(up, q)


async def test_a_slow_body_is_read_to_its_end(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("alpha", FOUR)
        raw = json.dumps(Q | {"query": "x" * 40_000}).encode()

        async def dripping() -> Any:
            for start in range(0, len(raw), 10_000):
                yield raw[start : start + 10_000]
                await asyncio.sleep(0.05)

        headers = {"content-type": "application/json"}
        answer = await q.request("POST", "/api/query", data=dripping(), headers=headers)
        assert answer.status == 200, answer.body
        assert up.asked[0].prompt == "x" * 40_000


async def test_no_usable_provider(tmp_path: Path) -> None:
    async with serving(tmp_path, {}) as q:
        # The built-in solvers are always there, and say what they are.
        answer = await q.ask("What is 17 % of 2340?")
        assert answer["conclusion"] == "397.8"
        assert answer["builtin"]
        assert any("no language model" in warning for warning in answer["warnings"])
        refused = await q.query("Why?", exclude_providers=["builtin"])
        assert refused.status in (422, 500)
        assert refused.error["code"] in ("invalid_input", "config_error")
        assert refused.error["hint"]
        unknown = await q.query("Why?", ["openai/gpt-5"])
        assert (unknown.status, unknown.error["code"]) == (404, "model_not_found")
        assert "OPENAI_API_KEY" in unknown.error["hint"]


async def test_a_model_that_only_its_provider_knows_to_be_unknown(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("alpha", FOUR)
        unknown = await q.query("2 + 2?", ["lab/alpa"])
        is_error(unknown, 404, "provider_model_missing", "lab/alpha")
        assert (await q.query("2 + 2?", ["lab/alpha", "lab/alpa"], exhaustive=True))["degraded"]


async def test_a_provider_that_cannot_be_reached(tmp_path: Path) -> None:
    async with serving(tmp_path, config("http://127.0.0.1:9/v1")) as q:
        down = await q.query("2 + 2?", ["lab/x"], timeout_seconds=3)
        assert down.status in (404, 502), down.body
        assert down.error["hint"]


async def test_a_file_outside_the_roots(tmp_path: Path) -> None:
    root = tmp_path / "docs"
    root.mkdir()
    (root / "in.txt").write_text("The word is zanzibar.")
    (tmp_path / "out.txt").write_text("hidden words")
    (root / "link.txt").symlink_to(tmp_path / "out.txt")
    (root / ".env").write_text("KEY=1")
    async with scripted(tmp_path / "home", files={"roots": [str(root)]}) as (up, q):
        up.model("alpha", FOUR)
        for path in (
            tmp_path / "out.txt",
            root / "link.txt",
            root / "../out.txt",
            root / "none.txt",
            root,
            root / ".env",
        ):
            refused = await q.query("2 + 2?", ["lab/alpha"], file_paths=[str(path)])
            assert refused.status in (403, 404, 422), (path, refused.body)
            assert refused.error["hint"]
            assert "hidden words" not in json.dumps(refused.body)
        await nothing_happened(up, q)
        await q.ask("2 + 2?", ["lab/alpha"], file_paths=[str(root / "in.txt")])
        assert "zanzibar" in up.asked[0].prompt


async def test_texts_that_are_odd_but_allowed(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("alpha", FOUR)
        for text in (
            "x" * 50_000,
            "\0 zero",
            "🦊" * 1000,
            "‮rtl\u200b",
            "<script>",
            "'; DROP TABLE runs; --",
            "%s %(x)s {0}",
        ):
            answer = await q.ask(text, ["lab/alpha"], tags=["ü"])
            assert up.asked[-1].prompt == text
            session = await q.session_of(answer["session_id"])
            assert session["query"] == text
            for form in ("json", "md", "html"):
                assert (
                    await q.get(f"/api/session/{answer['session_id']}/export?format={form}")
                ).status == 200


async def test_unknown_paths_and_methods(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (_, q):
        is_error(await q.get("/api/nothing"), 404, "not_found")
        is_error(await q.get("/api/session/ses_none"), 404, "not_found", "ses_none")
        is_error(await q.get("/api/session/ses_none/export"), 404, "not_found")
        wrong = await q.get("/api/query")
        assert wrong.status == 405
        assert "POST" in wrong.headers["allow"]
        for path in (
            "/api/session/%00",
            "/api/session/..%2f..",
            "/api/session/" + "x" * 5000,
            "/api/calls/%F0%9F",
        ):
            answer = await q.get(path)
            assert answer.status in (400, 404, 422), (path, answer.body)
        for query in ("limit=1e3", "limit=-1", "since=%00", "q=" + "x" * 300, "cursor=%FF"):
            assert (await q.get(f"/api/sessions?{query}")).status == 422, query


async def test_a_refused_request_leaves_its_key_free(tmp_path: Path) -> None:
    async with upstream() as up, serving(tmp_path, closed(up)) as q:
        up.model("alpha", FOUR)
        key = {"idempotency_key": "k"}
        assert (await q.query("2 + 2?", ["lab/nobody"], **key)).status == 404
        assert (await q.query("2 + 2?", ["lab/alpha"], max_cost=1e-9, **key)).status == 402
        assert (await q.query("2 + 2?", ["lab/alpha"], **key)).status == 200
        assert len((await q.get("/api/sessions"))["sessions"]) == 1


async def test_many_bad_requests_at_once_do_no_harm(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("alpha", Say(FOUR, latency=0.1))
        good = asyncio.gather(*(q.query("2 + 2?", ["lab/alpha"]) for _ in range(5)))
        bad = asyncio.gather(*(q.query("", ["lab/alpha"]) for _ in range(50)))
        assert {a.status for a in await bad} == {422}
        assert [a.status for a in await good] == [200] * 5


async def test_a_broken_configuration_names_its_line(tmp_path: Path) -> None:
    from quorum_mcp.errors import ConfigError

    async with upstream() as up:
        for text, words in (
            ("providers:\n  lab: {wire: opnai, base_url: x}\n", ("lab", "wire")),
            ("providers:\n  lab:\n    wyre: openai\n", ("wyre", "wire")),
            ("panels:\n  - broken\n  default: x\n", (":3:",)),
        ):
            with pytest.raises(ConfigError) as caught:
                async with serving(tmp_path, text):
                    pass
            for word in words:
                assert word in str(caught.value) + str(caught.value.hint)
        assert up.asked == []
