"""Who is let in: Host and Origin, the loopback rule, and the one key there is so far."""

from pathlib import Path

import aiohttp
import pytest
from tests.support.rest import Rest
from tests.support.server import Config, config, environment, serving, write_config

from quorum_mcp.config.load import load
from quorum_mcp.errors import ConfigError

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
NOBODY = "http://127.0.0.1:9/v1"
KEY = "a-long-bootstrap-key"
GUARDED = ["/api/providers", "/api/sessions", "/api/health", "/api/openapi.json", "/mcp", "/api/nothing"]
OPEN = ["/api/health/live", "/api/health/ready"]


async def status(q: Rest, path: str, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return (await q.get(path, headers=named)).status


async def socket_status(q: Rest, **headers: str) -> int:
    """101 where /ws opens, else the status of the refusal."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        async with q.session.ws_connect(q.url + "/ws", headers=named):
            return 101
    except aiohttp.WSServerHandshakeError as error:
        return error.status


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "evil.example:80", "", "a@127.0.0.1",
     "127.0.0.1/x", "169.254.1.1", "0.0.0.0", "[::ffff:8.8.8.8]", "192.168.0.1", "localhost:99999999"],
)  # fmt: skip
async def test_a_foreign_host_is_refused_everywhere(tmp_path: Path, host: str) -> None:
    async with serving(tmp_path, config(NOBODY)) as q:
        for path in [*GUARDED, "/", "/ui/app.js"]:
            assert await status(q, path, host=host) in (400, 403), path
        assert await socket_status(q, host=host) in (400, 403)
        refused = await q.post("/api/query", {"query": "x"}, headers={"host": host})
        assert refused.status in (400, 403)


async def test_its_own_names_are_fine(tmp_path: Path) -> None:
    given = config(NOBODY, server={"allowed_hosts": ["quorum.test"]})
    async with serving(tmp_path, given) as q:
        port = q.url.rpartition(":")[2]
        for host in ("localhost", f"localhost:{port}", "LOCALHOST", "127.0.0.1", "[::1]", f"[::1]:{port}", "127.0.0.2",
                     "quorum.test", "Quorum.Test:8000"):  # fmt: skip
            assert await status(q, "/api/sessions", host=host) == 200, host
        refused = await q.get("/api/sessions", headers={"host": "other.test"})
        assert (refused.status, refused.error["code"]) == (403, "forbidden")
        assert "allowed_hosts" in refused.error["hint"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://127.0.0.1",
        "http://localhost:1",
        "file://",
        "http://evil.example:80",
        "",
    ],
)
async def test_a_page_of_another_origin_is_refused(tmp_path: Path, origin: str) -> None:
    async with serving(tmp_path, config(NOBODY)) as q:
        for path in GUARDED:
            assert await status(q, path, origin=origin) == 403, path
        assert await socket_status(q, origin=origin) == 403
        refused = await q.post("/api/query", {"query": "x"}, headers={"origin": origin})
        assert (refused.status, refused.error["code"]) == (403, "forbidden")
        assert "access-control-allow-origin" not in refused.headers
        assert (await q.get("/api/sessions"))["sessions"] == []


async def test_its_own_pages_and_named_origins_are_fine(tmp_path: Path) -> None:
    given = config(NOBODY, server={"allowed_origins": ["https://board.test"]})
    async with serving(tmp_path, given) as q:
        for origin in (q.url, "https://board.test"):
            assert await status(q, "/api/sessions", origin=origin) == 200
            assert await socket_status(q, origin=origin) == 101
        assert await status(q, "/api/sessions", origin="http://board.test") == 403


async def test_the_bootstrap_key_in_each_of_three_headers(tmp_path: Path) -> None:
    async with serving(tmp_path, config(NOBODY), QUORUM_BOOTSTRAP_KEY=KEY) as q:
        for shown in (
            {"authorization": f"Bearer {KEY}"},
            {"authorization": f"bearer {KEY}"},
            {"x-api-key": KEY},
            {"x-goog-api-key": KEY},
        ):
            assert await status(q, "/api/sessions", **shown) == 200
            assert await socket_status(q, **shown) == 101
        for wrong in (
            {},
            {"authorization": "Bearer wrong"},
            {"authorization": f"Basic {KEY}"},
            {"authorization": KEY},
            {"x-api-key": KEY + "x"},
            {"x-api-key": ""},
            {"x-api-key": "ключ"},
            {"x-goog-api-key": KEY[:-1]},
        ):
            for path in GUARDED:
                assert await status(q, path, **wrong) == 401, (path, wrong)
            assert await socket_status(q, **wrong) in (401, 403)
        refused = await q.get("/api/sessions")
        assert refused.headers["www-authenticate"] == "Bearer"
        assert (refused.error["code"], bool(refused.error["hint"])) == ("unauthenticated", True)
        assert KEY not in str(refused.body)
        assert await status(q, f"/api/sessions?key={KEY}") == 401
        # A key is no way around the checks of Host and Origin.
        assert await status(q, "/api/sessions", x_api_key=KEY, host="evil.example") == 403
        assert await status(q, "/api/sessions", x_api_key=KEY, origin="https://evil.example") == 403


async def test_what_is_open_says_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path, config(NOBODY), QUORUM_BOOTSTRAP_KEY=KEY) as q:
        for path in OPEN:
            answer = await q.get(path, headers={"host": "10.1.2.3"})
            assert (answer.status, answer.body) == (200, {"status": "ok"})
        page = await q.get("/")
        assert page.status == 200
        assert KEY not in page.body
        for path in (
            "/ui/../api/sessions",
            "/ui/%2e%2e/api/sessions",
            "//api/sessions",
            "/api//sessions",
            "/API/sessions",
        ):
            answer = await q.get(path)
            assert answer.status in (401, 404), path


async def test_a_bind_for_everyone_trusts_nobody_without_a_key(tmp_path: Path) -> None:
    async with serving(tmp_path, config(NOBODY), loopback_bind=False) as q:
        for path in GUARDED:
            assert await status(q, path) == 401
        assert await socket_status(q) in (401, 403)
        refused = await q.get("/api/sessions")
        assert "QUORUM_BOOTSTRAP_KEY" in refused.error["hint"]
        assert await status(q, "/api/sessions", x_api_key="anything") == 401
        assert await status(q, "/api/health/live") == 200
    async with serving(tmp_path, config(NOBODY), loopback_bind=False, QUORUM_BOOTSTRAP_KEY=KEY) as q:
        assert await status(q, "/api/sessions", x_api_key=KEY) == 200


@pytest.mark.parametrize(
    "header", ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via", "X-Forwarded-For"]
)
async def test_what_was_forwarded_is_not_local(tmp_path: Path, header: str) -> None:
    async with serving(tmp_path, config(NOBODY)) as q:
        for value in ("10.0.0.1", "127.0.0.1", "for=127.0.0.1", ""):
            assert (await q.get("/api/sessions", headers={header: value})).status == 401, value
    async with serving(tmp_path, config(NOBODY), QUORUM_BOOTSTRAP_KEY=KEY) as q:
        assert (await q.get("/api/sessions", headers={header: "10.0.0.1", "x-api-key": KEY})).status == 200


async def test_auth_off_and_required(tmp_path: Path) -> None:
    async with serving(tmp_path / "off", config(NOBODY), QUORUM_AUTH="off", QUORUM_BOOTSTRAP_KEY=KEY) as q:
        assert await status(q, "/api/sessions") == 200
        assert await status(q, "/api/sessions", x_forwarded_for="10.0.0.1") == 401
        assert await status(q, "/api/sessions", host="evil.example") == 403
    async with serving(
        tmp_path / "required", config(NOBODY), QUORUM_AUTH="required", QUORUM_BOOTSTRAP_KEY=KEY
    ) as q:
        assert await status(q, "/api/sessions") == 401
        assert await status(q, "/api/sessions", x_api_key=KEY) == 200
    async with serving(tmp_path / "none", config(NOBODY), QUORUM_AUTH="required") as q:
        assert await status(q, "/api/sessions") == 401
        assert await status(q, "/api/sessions", x_api_key="anything") == 401


def test_auth_off_is_for_loopback_only(tmp_path: Path) -> None:
    given: Config = {"server": {"host": "0.0.0.0"}}
    file = write_config(tmp_path, given)
    with pytest.raises(ConfigError) as caught:
        load(config=file, env=environment(tmp_path, file, {"QUORUM_AUTH": "off"}), cwd=tmp_path)
    assert "loopback" in str(caught.value) + str(caught.value.hint)


async def test_every_answer_has_a_request_id_and_no_sniffing(tmp_path: Path) -> None:
    async with serving(tmp_path, config(NOBODY)) as q:
        answers = [
            await q.get(path) for path in ("/api/sessions", "/api/session/x", "/api/providers", "/nothing")
        ]
        ids = {answer.headers["x-request-id"] for answer in answers}
        assert len(ids) == 4
        assert all(answer.headers["x-content-type-options"] == "nosniff" for answer in answers)
