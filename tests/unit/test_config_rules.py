"""What has to hold between settings."""

from pathlib import Path

import pytest

from quorum_mcp.config.load import load
from quorum_mcp.errors import ConfigError


def problem(tmp_path: Path, text: str, **env: str) -> str:
    path = tmp_path / "quorum.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(env={"HOME": str(tmp_path)} | env, cwd=tmp_path, config=path)
    assert (caught.value.code, caught.value.status, caught.value.exit_code) == ("config_error", 500, 2)
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("panels:\n  default: [lab/a, quorum/quick]", "panels.default"),
        ("panels:\n  default: [lab/a, quorum]", "panels.default"),
        ("panels:\n  other: ['Quorum/panel:default']", "panels.other"),
        ("consensus:\n  judge: quorum/quick", "consensus.judge"),
        ("consensus:\n  synthesizer: quorum/full", "consensus.synthesizer"),
        ("consensus:\n  fallback: [quorum/auto]", "consensus.fallback"),
        ("strategies:\n  x: {models: [quorum/quick]}", "strategies.x.models"),
        ("fallbacks:\n  lab/a: [quorum/quick]", "fallbacks.lab/a"),
        ("models:\n  x: {provider: quorum, model_id: quick}", "models.x.provider"),
        ("providers:\n  quorum: {wire: openai}", "providers.quorum"),
    ],
)
def test_nothing_that_a_consensus_asks_is_one(tmp_path: Path, text: str, key: str) -> None:
    message = problem(tmp_path, text)
    assert f"quorum.yaml:2: {key}: " in message
    assert "quorum" in message.partition(key)[2].lower()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("panels:\n  p: []", "quorum.yaml:2: panels.p: a panel needs at least one model"),
        (
            "providers:\n  builtin: {wire: openai}",
            "quorum.yaml:2: providers.builtin: this name belongs to the solvers",
        ),
        ("providers:\n  a/b: {}", "quorum.yaml:2: providers.a/b: a provider's name"),
        ("providers:\n  a: {base_url: '127.0.0.1:1'}", "quorum.yaml:2: providers.a.base_url: is no http://"),
        ("providers:\n  a: {base_url: 'http://'}", "providers.a.base_url: is no http://"),
        ("providers:\n  a: {base_url: 'http://x:port'}", "providers.a.base_url: is no http://"),
        ("providers:\n  a: {base_url: 'http://${HOST}/'}", "providers.a.base_url: is no http://"),
        ("providers:\n  a: {auth: baerer}", "quorum.yaml:2: providers.a.auth: expected bearer"),
        ("providers:\n  a: {auth: baerer}", "did you mean 'bearer'"),
        ("providers:\n  a: {auth: header}", "providers.a.auth: expected bearer, header NAME"),
        ("providers:\n  a: {auth: bearer x}", "providers.a.auth: expected bearer, header NAME"),
        ("providers:\n  a: {model: alpa, models: [alpha]}", "did you mean 'alpha'"),
        (
            "providers:\n  a: {deployments: [{base_url: x}]}",
            "quorum.yaml:2: providers.a.deployments[0].base_url",
        ),
        (
            "providers:\n  a: {api_key_env: B, api_keys: [c]}",
            "providers.a.api_keys: api_key_env and api_keys",
        ),
        ("models:\n  a/b: {provider: x, model_id: y}", "quorum.yaml:2: models.a/b"),
        ("retry: {min_seconds: 5, max_seconds: 1}", "quorum.yaml:1: retry.min_seconds: 5 is more than"),
        (
            "budgets:\n- {period: daily, limit: 1}\n- {period: daily, limit: 2}",
            "budgets[1]: there is another",
        ),
        ("records: {timezone: Europe/Nowhere}", "quorum.yaml:1: records.timezone: 'Europe/Nowhere'"),
        ("records: {timezone: ../../etc/passwd}", "records.timezone"),
        ("webhooks: [{url: 'http://10.0.0.8/hook'}]", "webhooks[0].url: is not a public address"),
        ("webhooks: [{url: 'http://2130706433/hook'}]", "webhooks[0].url: is not a public address"),
        ("webhooks: [{url: 'http://169.254.169.254/', allow_private: true}]", "hand out credentials"),
        ("webhooks: [{url: 'http://a.example/', events: [budget.allert]}]", "no event 'budget.allert'"),
        (
            "webhooks: [{url: 'http://a.example/'}, {url: 'http://a.example/'}]",
            "webhooks[1].url: there is another",
        ),
        ("webhooks: [{url: 'file:///etc/passwd'}]", "quorum.yaml:1: webhooks[0].url: is no http://"),
        ("guardrails: [{url: x}]", "guardrails[0].url: is no http://"),
        ("cache: {backend: redis}", "quorum.yaml:1: cache.backend: redis needs the variable REDIS_URL"),
        ("mcp_services:\n  s: {type: stdio}", "quorum.yaml:2: mcp_services.s: a service of type stdio"),
        ("mcp_services:\n  s: {type: http, command: [x]}", "mcp_services.s: a service of type http"),
        ("mcp_services:\n  s: {type: http, url: x}", "mcp_services.s.url: is no http://"),
    ],
)
def test_rules(tmp_path: Path, text: str, says: str) -> None:
    assert says in problem(tmp_path, text)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.com", "localhost.example.com"])
def test_auth_off_is_for_loopback_only(tmp_path: Path, host: str) -> None:
    message = problem(tmp_path, f"server:\n  host: '{host}'", QUORUM_AUTH="off")
    assert message.startswith("environment QUORUM_AUTH: auth: off is only for a server on loopback")
    assert "quorum.yaml line 2" in message


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost"])
def test_auth_off_on_loopback(tmp_path: Path, host: str) -> None:
    env = {"HOME": str(tmp_path), "QUORUM_AUTH": "off"}
    assert load(env=env, cwd=tmp_path, overrides={"server.host": host}).auth == "off"


def test_a_good_time_zone_and_redis(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "REDIS_URL": "redis://127.0.0.1/0"}
    overrides = {"records.timezone": "Europe/Vienna", "cache.backend": "redis"}
    settings = load(env=env, cwd=tmp_path, overrides=overrides)
    assert (settings.records.timezone, settings.cache.backend) == ("Europe/Vienna", "redis")
