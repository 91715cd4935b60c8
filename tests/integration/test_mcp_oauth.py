"""Tokens of an authorization server at /mcp: who is let in, as whom, and what the others are told."""

import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc.jwk import ECKey
from mcp.client import Client
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.streamable_http import streamable_http_client
from tests.support.issuer import LittleIssuer, little_issuer
from tests.support.keys import BOOTSTRAP, bearer
from tests.support.mcp import LEGACY, MODERN, bare, messages, over_http
from tests.support.rest import Rest
from tests.support.script import Say
from tests.support.server import Server, config, serving, write_config
from tests.support.upstream import Upstream, upstream

from quorum_mcp.access import issuer as issuer_module
from quorum_mcp.api import lasting
from quorum_mcp.config.load import load
from quorum_mcp.errors import ConfigError

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
RESOURCE = "https://quorum.test/mcp"
METADATA = "https://quorum.test/.well-known/oauth-protected-resource/mcp"
BODY = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
BOTH = pytest.mark.parametrize("revision", [MODERN, LEGACY])


@asynccontextmanager
async def world(
    tmp_path: Path, *, env: dict[str, str] | None = None, **oauth: Any
) -> AsyncIterator[tuple[LittleIssuer, Rest, Upstream]]:
    """An issuer, a server that believes it, and a model."""
    async with AsyncExitStack() as stack:
        issuer = await stack.enter_async_context(little_issuer())
        up = await stack.enter_async_context(upstream())
        up.model("a", "CONCLUSION: A")
        given = {"issuer": issuer.url, "resource": RESOURCE, "leeway_seconds": 0.0, **oauth}
        rest = await stack.enter_async_context(
            serving(tmp_path, config(up.url, mcp={"oauth": given}), **(env or {}))
        )
        yield issuer, rest, up


async def status(rest: Rest, token: str | None) -> tuple[int, str]:
    """What a POST with this token gets: the status and how to sign in."""
    answer = await rest.post("/mcp", BODY, headers=bearer(token) if token else {})
    return answer.status, answer.headers.get("www-authenticate", "")


@BOTH
async def test_a_token_opens_mcp(tmp_path: Path, revision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuer_module, "AGAIN_SECONDS", 0.0)
    async with world(tmp_path) as (issuer, rest, up):
        for kind in ("EC", "RSA"):
            issuer.rotate(kind)
            token = issuer.token(aud=["https://else.test", RESOURCE])
            async with over_http(rest.url, revision, authorization=f"Bearer {token}") as client:
                asked = await client.call_tool("q_in", {"query": "A or B?", "providers": ["lab/a"]})
                session = asked.structured_content["session_id"]
                answer = (await client.call_tool("q_out", {"session_id": session})).structured_content
                assert (answer["status"], answer["conclusion"]) == ("completed", "A")
        other = issuer.token(aud=RESOURCE, sub="bob")
        async with over_http(rest.url, revision, authorization=f"Bearer {other}") as client:
            read = await client.call_tool("q_out", {"session_id": session, "wait_seconds": 0})
            assert not read.is_error  # of the same organisation


async def test_who_is_refused_is_told_where_to_sign_in(tmp_path: Path) -> None:
    async with world(tmp_path) as (issuer, rest, _):
        code, challenge = await status(rest, None)
        assert code == 401
        assert (
            challenge == f'Bearer resource_metadata="{METADATA}", scope="quorum:ask quorum:read quorum:write"'
        )
        for path in ("/mcp", ""):
            described = await rest.get("/.well-known/oauth-protected-resource" + path)
            assert described["resource"] == RESOURCE
            assert described["authorization_servers"] == [issuer.url]
            assert described["scopes_supported"] == ["quorum:ask", "quorum:read", "quorum:write"]
            assert described["bearer_methods_supported"] == ["header"]
        # The token is for /mcp: it opens nothing else, and the rest of the server follows its own rule.
        assert (await rest.get("/api/stats")) is not None


NUMBERED = urlsafe_b64encode(b'{"alg":"ES256","kid":7}').decode().rstrip("=")
NOW = int(time.time())
BAD: dict[str, dict[str, Any]] = {
    "expired": {"exp": NOW - 60},
    "without an end": {"exp": None},
    "not valid yet": {"nbf": NOW + 3600},
    "issued in the future": {"iat": NOW + 3600},
    "of another issuer": {"iss": "https://evil.test"},
    "for another server": {"aud": "https://else.test/mcp"},
    "for nobody": {"aud": None},
    "of nobody": {"sub": None},
    "bound to a key": {"cnf": {"jkt": "x"}},
    "of another use": {"header": {"typ": "logout+jwt"}},
    "of an unknown key": {"header": {"kid": "nobody"}},
}


async def test_other_tokens_are_refused(tmp_path: Path) -> None:
    async with world(tmp_path) as (issuer, rest, _):
        assert (await status(rest, issuer.token(aud=RESOURCE)))[0] in (200, 400)
        tokens = {name: issuer.token(**{"aud": RESOURCE, **claims}) for name, claims in BAD.items()}
        good = issuer.token(aud=RESOURCE)
        head, body, signature = good.split(".")
        tokens |= {
            "signed by another": issuer.token(aud=RESOURCE, key=ECKey.generate_key("P-256")),
            "a public key as secret": issuer.forged(aud=RESOURCE),
            "not signed": f"eyJhbGciOiJub25lIn0.{body}.",
            "a number as key": f"{NUMBERED}.{body}.{signature}",
            "another body": f"{head}.{issuer.token(aud=RESOURCE, sub='root').split('.')[1]}.{signature}",
            "no token": "x.y.z",
            "two parts": f"{head}.{body}",
            "no key": "qk_" + "x" * 43,
            "a flood": "a" * 20_000 + ".b.c",
        }
        for name, token in tokens.items():
            code, challenge = await status(rest, token)
            assert code == 401, name
            assert challenge.startswith('Bearer error="invalid_token", resource_metadata='), name
        # In the other headers a token is a key, which it is not.
        assert (await rest.post("/mcp", BODY, headers={"x-api-key": "nonsense"})).status == 401


async def test_clocks_may_differ_a_little(tmp_path: Path) -> None:
    async with world(tmp_path, leeway_seconds=60.0) as (issuer, rest, _):
        now = int(time.time())
        for claims, good in (
            ({"exp": now - 20}, True),
            ({"exp": now - 300}, False),
            ({"nbf": now + 20}, True),
        ):
            assert ((await status(rest, issuer.token(aud=RESOURCE, **claims)))[0] != 401) is good


async def test_an_answer_arrives_though_its_token_expired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path) as (issuer, rest, up):
        up.model("a", Say("it is four, and that is that", drip=0.7, piece=5))
        given = {"model": "lab/a", "messages": [{"role": "user", "content": "2 + 2?"}], "stream": True}
        monkeypatch.setattr(lasting, "CHECK_SECONDS", 0.2)
        for seconds, arrives in ((lasting.USER_SECONDS, True), (0.5, False)):
            monkeypatch.setattr(lasting, "USER_SECONDS", seconds)
            token = issuer.token(aud=RESOURCE, exp=int(time.time()) + 3)
            async with (
                bare(rest.url, MODERN, authorization=f"Bearer {token}") as wire,
                wire.call("generate", token=1, **given) as response,
            ):
                told = await messages(response)
            assert ("result" in told[-1]) is arrives
            assert (await status(rest, token))[0] == 401


async def test_keys_rotate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path) as (issuer, rest, _):
        first = issuer.token(aud=RESOURCE)
        assert (await status(rest, first))[0] != 401
        issuer.rotate()
        second = issuer.token(aud=RESOURCE)
        asked = len(issuer.asked)
        assert (await status(rest, second))[0] == 401  # it was asked just now, and may not be flooded
        assert len(issuer.asked) == asked
        monkeypatch.setattr(issuer_module, "AGAIN_SECONDS", 0.0)
        assert (await status(rest, second))[0] != 401
        assert len(issuer.asked) > asked
        issuer.down = True
        assert (await status(rest, issuer.token(aud=RESOURCE, sub="eve")))[0] != 401  # known keys go on


async def test_an_issuer_that_is_away_is_no_refusal(tmp_path: Path) -> None:
    async with world(tmp_path, env={"QUORUM_BOOTSTRAP_KEY": BOOTSTRAP}) as (issuer, rest, _):
        issuer.down = True
        assert (await status(rest, issuer.token(aud=RESOURCE)))[0] == 503
        async with over_http(rest.url, MODERN, authorization=f"Bearer {BOOTSTRAP}") as client:
            assert (await client.list_tools()).tools


@pytest.mark.parametrize(
    "metadata", [{"issuer": "https://evil.test"}, {"jwks_uri": "http://127.0.0.2:9/keys"}]
)
async def test_keys_come_from_the_issuer_only(tmp_path: Path, metadata: dict[str, Any]) -> None:
    async with world(tmp_path) as (issuer, rest, _):
        issuer.metadata = metadata
        token = issuer.token(aud=RESOURCE, header={"jku": f"{issuer.url}/keys"})
        assert (await status(rest, token))[0] == 503
        assert "/keys" not in issuer.asked


@BOTH
async def test_scopes_are_ours(tmp_path: Path, revision: str) -> None:
    async with world(tmp_path, scopes={"look": ["read"], "all": ["ask", "read", "admin"]}) as (
        issuer,
        rest,
        up,
    ):
        assert (await status(rest, issuer.token(aud=RESOURCE, scope="openid")))[0] == 403
        assert (await status(rest, issuer.token(aud=RESOURCE, scope=None, scp=["all"])))[0] != 403
        looking = issuer.token(aud=RESOURCE, scope="look openid")
        async with bare(rest.url, revision, authorization=f"Bearer {looking}") as wire:
            async with wire.call("q_in", query="A or B?", providers=["lab/a"]) as response:
                if revision == MODERN:  # from which a client learns what to ask for
                    assert response.status == 403
                    assert response.headers["www-authenticate"] == (
                        f'Bearer error="insufficient_scope", resource_metadata="{METADATA}", scope="all"'
                    )
                else:
                    result = (await messages(response))[-1]["result"]
                    assert result["isError"]
                    assert "scope ask" in result["content"][0]["text"]
            async with wire.call("get_orchestrator_status") as response:
                assert not (await messages(response))[-1]["result"].get("isError")
        assert up.count() == 0


async def test_each_organisation_sees_its_own(tmp_path: Path) -> None:
    env = {"QUORUM_BOOTSTRAP_KEY": BOOTSTRAP}
    claims = {"organization_claim": "tid", "organizations": {"t-1": "org_one", "t-2": "org_two"}}
    async with world(tmp_path, env=env, **claims) as (issuer, rest, _):
        sessions = {}
        for tid in ("t-1", "t-2"):
            token = issuer.token(aud=RESOURCE, tid=tid)
            async with over_http(rest.url, MODERN, authorization=f"Bearer {token}") as client:
                put = await client.call_tool("q_in", {"query": f"A or B, {tid}?", "providers": ["lab/a"]})
                sessions[tid] = put.structured_content["session_id"]
                done = await client.call_tool("q_out", {"session_id": sessions[tid]})
                assert done.structured_content["status"] == "completed"
                foreign = await client.call_tool("q_out", {"session_id": sessions["t-1"]})
                assert foreign.is_error is (tid == "t-2")
        for claims in ({}, {"tid": "t-3"}, {"tid": ["t-1"]}, {"tid": "local"}):
            code, challenge = await status(rest, issuer.token(aud=RESOURCE, **claims))
            assert code == 403
            assert "insufficient_scope" in challenge
        calls = (await rest.get("/api/usage?group_by=key", headers=bearer(BOOTSTRAP)))["usage"]
        assert [row["group"][:4] for row in calls] == ["usr_", "usr_"]


async def test_keys_work_beside_tokens(tmp_path: Path) -> None:
    async with world(tmp_path, env={"QUORUM_BOOTSTRAP_KEY": BOOTSTRAP}) as (issuer, rest, _):
        made = (await rest.post("/api/keys", {"name": "k"}, headers=bearer(BOOTSTRAP))).body
        for headers in (bearer(made["key"]), {"x-api-key": made["key"]}, bearer(BOOTSTRAP)):
            async with over_http(rest.url, LEGACY, **headers) as client:
                assert (await client.list_tools()).tools
        assert not issuer.asked
        assert (await rest.get("/api/keys", headers=bearer(issuer.token(aud=RESOURCE)))).status == 401


class Kept:
    """Where a client keeps its token and what it registered."""

    def __init__(self) -> None:
        self.token: Any = None
        self.client: Any = None

    async def get_tokens(self) -> Any:
        return self.token

    async def set_tokens(self, tokens: Any) -> None:
        self.token = tokens

    async def get_client_info(self) -> Any:
        return self.client

    async def set_client_info(self, client_info: Any) -> None:
        self.client = client_info


async def test_a_client_finds_out_by_itself_where_to_sign_in(tmp_path: Path) -> None:
    async with little_issuer() as issuer:
        server = Server(tmp_path, {})
        url = server.url + "/mcp"
        oauth = {"issuer": issuer.url, "resource": url}
        write_config(tmp_path, {"panels": {"default": ["builtin/arithmetic"]}, "mcp": {"oauth": oauth}})
        provider = ClientCredentialsOAuthProvider(
            server_url=url, storage=Kept(), client_id="me", client_secret="mine",
            token_endpoint_auth_method="client_secret_post", issuer=issuer.url,
        )  # fmt: skip
        try:
            await server.started()
            async with (
                httpx2.AsyncClient(auth=provider, timeout=30) as http,
                Client(streamable_http_client(url, http_client=http)) as client,
            ):
                answer = await client.call_tool(
                    "think_deeper", {"problem": "2 + 2?", "thinking_mode": "minimal"}
                )
                assert answer.structured_content["answer"]
        finally:
            server.kill()
        assert [wanted["resource"] for wanted in issuer.wanted] == [url]
        assert "quorum:ask" in issuer.wanted[0]["scope"]


@pytest.mark.parametrize(
    ("oauth", "problem"),
    [
        ({"issuer": "http://login.test"}, "mcp.oauth.issuer has to be https"),
        ({"resource": "quorum"}, "mcp.oauth.resource"),
        ({"jwks_url": "http://keys.test"}, "mcp.oauth.jwks_url"),
        ({"scopes": {}}, "mcp.oauth.scopes"),
        ({"scopes": {"a": ["everything"]}}, "mcp.oauth.scopes"),
        ({"organizations": {"a": "b"}}, "mcp.oauth.organizations"),
        ({"organization_claim": "tid"}, "mcp.oauth.organization_claim"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, oauth: dict[str, Any], problem: str) -> None:
    import yaml

    file = tmp_path / "quorum.yaml"
    file.write_text(
        yaml.safe_dump({"mcp": {"oauth": {"issuer": "https://login.test", "resource": RESOURCE, **oauth}}})
    )
    with pytest.raises(ConfigError, match=problem.partition(" ")[0]):
        load(config=file, env={"HOME": str(tmp_path)}, cwd=tmp_path)
