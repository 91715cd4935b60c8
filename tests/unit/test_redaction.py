"""No secret of the settings reaches a log line."""

import json
import subprocess
import sys
from pathlib import Path

from quorum_mcp.config.load import load
from quorum_mcp.observe.redaction import MASK, Redactor, learn

SECRETS = {
    "OPENAI_API_KEY": "canary-openai-1",
    "QUORUM_BOOTSTRAP_KEY": "canary-boot-2",
    "QUORUM_SECRET_KEY": "canary-secret-3",
}


def test_masks_every_secret_wherever_it_stands() -> None:
    redactor = Redactor(load(env=SECRETS))
    for secret in SECRETS.values():
        cleaned = redactor.clean({"a": [f"key={secret}", ("x", secret)], "b": ValueError(secret)})
        assert secret not in json.dumps(cleaned)
        assert MASK in json.dumps(cleaned)
    assert redactor.clean({"n": 1, "none": None, "ok": "text"}) == {"n": 1, "none": None, "ok": "text"}


def test_masks_what_is_secret_inside_a_setting_and_what_is_learnt() -> None:
    settings = load(
        env={
            "QUORUM_SECRET_KEY": "2:canary-master-two,1:canary-master-one",
            "QUORUM_DATABASE_URL": "postgresql://quorum:canary%2Fpassword@host/db",
            "REDIS_URL": "redis://:canary-redis@host/0",
        }
    )
    redactor = Redactor(settings)
    learn("canary-stored-key")
    learn("short")
    text = (
        "canary-master-two canary-master-one canary%2Fpassword canary/password canary-redis canary-stored-key "
        f"qk_{'aB3_-' * 8}xyz short"
    )
    assert redactor.clean(text) == f"{' '.join([MASK] * 7)} short"


def test_a_crash_is_logged_without_locals_and_secrets() -> None:
    program = """
import structlog
from quorum_mcp.config.load import load
from quorum_mcp.observe.logs import to_stderr
to_stderr(load(), server=True)
prompt = "the user's words"
try:
    raise ValueError("refused: canary-openai-1")
except ValueError:
    structlog.get_logger().exception("crashed", key="canary-boot-2")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env=SECRETS, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    assert "ValueError: refused: ***" in done.stderr
    assert "the user's words" not in done.stderr.replace('prompt = "the user\'s words"', "")
    assert "canary" not in done.stderr


def test_masks_what_deployments_hold(tmp_path: Path) -> None:
    file = tmp_path / "quorum.yaml"
    file.write_text("""
providers:
  lab:
    wire: openai
    headers: {X-Team: research, X-Gateway-Token: canary-token-1}
    deployments:
      - {base_url: "https://a.example/v1?sig=canary%2Fsig&api-version=2024-10-21", api_keys: [canary-key-22]}
      - {base_url: "https://u:canary-pass@b.example/v1", headers: {Authorization: canary-auth-3}}
""")
    redactor = Redactor(load(config=file, env={"HOME": str(tmp_path)}, cwd=tmp_path))
    text = (
        "canary-token-1 canary%2Fsig canary/sig canary-key-22 canary-pass canary-auth-3 2024-10-21 research"
    )
    assert redactor.clean(text) == f"{' '.join([MASK] * 6)} 2024-10-21 research"
