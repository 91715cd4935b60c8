"""The web page's login: a cookie for a key, which counts for requests of the page only, and ends with the key."""

from collections.abc import AsyncIterator
from http.cookies import Morsel, SimpleCookie
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.keys import BEARER, BOOTSTRAP, eventually, make_key
from tests.support.rest import Answer, Rest
from tests.support.server import config, serving

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
NOBODY = "http://127.0.0.1:9/v1"
BUDGET = {"period": "daily", "limit": 1.0}


@pytest.fixture
async def q(tmp_path: Path) -> AsyncIterator[Rest]:
    """A server that wants a key, asked without one."""
    async with serving(tmp_path, config(NOBODY), QUORUM_BOOTSTRAP_KEY=BOOTSTRAP) as rest:
        yield rest


async def logged_in(q: Rest, key: str = BOOTSTRAP, **headers: str) -> Answer:
    return await q.post("/api/login", {"key": key}, headers={"origin": q.url} | headers)


def cookie(answer: Answer) -> Morsel[str]:
    (morsel,) = SimpleCookie(answer.headers["set-cookie"]).values()
    return morsel


def carrying(q: Rest, answer: Answer, **headers: str) -> dict[str, str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"cookie": f"other=1; {cookie(answer).key}={cookie(answer).value}"} | named


async def test_a_key_becomes_a_cookie_that_no_script_reads(q: Rest) -> None:
    answer = await logged_in(q)
    assert answer.status == 200
    assert answer.body == {
        "id": "bootstrap",
        "organization": "local",
        "scopes": ["admin", "ask", "read", "write"],
    }
    morsel = cookie(answer)
    assert morsel["httponly"] is True
    assert morsel["samesite"] == "strict"
    assert morsel["secure"] == ""
    assert morsel["path"] == "/"
    assert morsel.key.endswith(q.url.rpartition(":")[2])
    assert BOOTSTRAP not in answer.headers["set-cookie"]
    assert '"' not in answer.headers["set-cookie"]
    who = await q.get("/api/whoami", headers=carrying(q, answer))
    assert (who.status, who["id"], who["scopes"]) == (200, "bootstrap", ["admin", "ask", "read", "write"])
    behind = await q.post(
        "/api/login", {"key": BOOTSTRAP, "path": "/some/where/"}, headers={"x-forwarded-proto": "https"}
    )
    assert cookie(behind)["secure"] is True
    assert cookie(behind)["path"] == "/some/where/"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"key": "another key"}, 401),
        ({"key": ""}, 422),
        ({}, 422),
        ({"key": 7}, 422),
        ({"key": "clé"}, 422),
        ({"key": BOOTSTRAP, "path": "/; Domain=evil.example"}, 422),
        ({"key": BOOTSTRAP, "path": "elsewhere"}, 422),
    ],
)
async def test_what_is_no_key_is_refused(q: Rest, body: dict[str, Any], status: int) -> None:
    answer = await q.post("/api/login", body)
    assert answer.status == status, answer.body
    assert "set-cookie" not in answer.headers
    assert answer.error["hint"]


async def test_the_cookie_counts_only_for_requests_of_the_page(q: Rest) -> None:
    answer = await logged_in(q)
    own = carrying(q, answer, origin=q.url, sec_fetch_site="same-origin")
    assert (await q.post("/api/budget", BUDGET, headers=own)).status == 200
    for foreign in (
        carrying(q, answer),  # no Origin: no page of ours changes anything without one
        carrying(q, answer, origin="http://127.0.0.1:9"),
        carrying(q, answer, origin=q.url, sec_fetch_site="same-site"),
        carrying(q, answer, origin=q.url, sec_fetch_site="cross-site"),
    ):
        assert (await q.post("/api/budget", BUDGET, headers=foreign)).status in (401, 403), foreign
    assert (await q.get("/api/sessions", headers=carrying(q, answer))).status == 200
    assert (
        await q.get("/api/sessions", headers=carrying(q, answer, sec_fetch_site="cross-site"))
    ).status == 401
    for headers, opens in ((own, True), (carrying(q, answer), False)):
        try:
            async with q.session.ws_connect(q.url + "/ws", headers=headers):
                assert opens
        except aiohttp.WSServerHandshakeError:
            assert not opens
    tampered = {"cookie": own["cookie"][:-8] + "AAAAAAAA"}
    assert (await q.get("/api/sessions", headers=tampered)).status == 401


async def test_a_foreign_page_logs_nobody_in(q: Rest) -> None:
    answer = await q.post("/api/login", {"key": BOOTSTRAP}, headers={"origin": "https://evil.example"})
    assert answer.status == 403
    form = await q.request(
        "POST", "/api/login", data='{"key": "x"}', headers={"content-type": "text/plain", "origin": q.url}
    )
    assert form.status == 400


async def test_the_login_ends_with_the_key_and_with_logging_out(q: Rest) -> None:
    operator = Rest(q.url, BEARER, q.session)
    made = await make_key(operator, scopes=["read"])
    answer = await logged_in(q, made["key"])
    headers = carrying(q, answer)
    assert (await q.get("/api/sessions", headers=headers)).status == 200
    refused = await q.get("/api/keys", headers=headers)
    assert (refused.status, refused.error["code"]) == (403, "forbidden")
    out = await q.post("/api/logout", {}, headers={"origin": q.url})
    assert cookie(out).value == ""
    assert cookie(out)["max-age"] == "0"
    assert (await operator.request("DELETE", f"/api/keys/{made['id']}")).status == 200

    async def ended() -> bool:
        return (await q.get("/api/sessions", headers=headers)).status == 401

    await eventually(ended)


async def test_nobody_needs_to_log_in_where_loopback_is_trusted(tmp_path: Path) -> None:
    async with serving(tmp_path, config(NOBODY)) as q:
        who = await q.get("/api/whoami")
        assert (who["id"], who["kind"]) == ("local", "local")
        stale = {"cookie": f"quorum-login-{q.url.rpartition(':')[2]}=AAAA"}
        assert (await q.get("/api/whoami", headers=stale)).status == 200
