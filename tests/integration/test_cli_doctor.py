"""`quorum doctor`: the model names of every section, and the servers that the settings name."""

from pathlib import Path

import pytest
from tests.support.cli import Cli, command
from tests.support.redis_server import redis_server
from tests.support.server import environment, free_port, write_config
from tools.redis import Server

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
__all__ = ("redis_server",)
FOUR = "Two and two make four.\nCONCLUSION: 4"


def cli_at(home: Path, **env: str) -> Cli:
    return Cli(home, environment(home, write_config(home, "{}"), env))


async def test_doctor_looks_up_the_models_of_every_section(tmp_path: Path) -> None:
    given = {
        "strategies": {"deep": {"models": ["lab/alpha", "nolab/x"]}},
        "execution": {"simple": {"preferred": "lab/alpha", "fallback": ["nolab/y"]}},
    }
    async with command("embedded", tmp_path, **given) as (up, quorum):
        up.model("alpha", FOUR)
        found = (await quorum("doctor", "--json")).json["checks"]
        wrong = [check["found"] for check in found if check["status"] == "fail"]
        assert [one.partition(":")[0] for one in wrong] == ["strategies.deep", "execution.simple"]


async def test_doctor_asks_redis_and_postgresql_whether_they_are_there(tmp_path: Path) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    quorum = cli_at(
        tmp_path, REDIS_URL=f"redis://{nobody}", QUORUM_DATABASE_URL=f"postgresql://u:secret@{nobody}/quorum"
    )
    found = {check["what"]: check for check in (await quorum("doctor", "--json")).json["checks"]}
    assert found["redis"]["status"] == "fail"
    assert "REDIS_URL" in found["redis"]["fix"]
    assert (found["database"]["status"], "QUORUM_SECRET_KEY" in found["database"]["found"]) == ("fail", True)
    quorum.env["QUORUM_SECRET_KEY"] = "0" * 64
    away = await quorum("doctor")
    assert (away.status, "fail  database: " in away.out) == (2, True)
    assert "secret" not in away.out + away.err


@pytest.mark.needs("redis")
async def test_doctor_finds_redis(tmp_path: Path, redis_server: Server) -> None:
    quorum = cli_at(tmp_path, REDIS_URL=redis_server.url)
    assert "ok    redis: answers; 0 processes of Quorum use it" in (await quorum("doctor")).out
