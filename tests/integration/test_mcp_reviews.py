"""Reviews by several models: findings joined, changes of a repository that is not trusted, options compared."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.integration.test_mcp_tasks import call, panel, refused

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]

QUEUE = "A queue keeps the order and lets slow readers lag behind. I would begin there, and measure."
TABLE = "A table can be asked about. Everything else follows from that, so I would take it, and add an index."

JUDGES = {"grouping": "I cannot tell.", "synthesis": "Check the input before it goes in."}


def finding(**fields: Any) -> str:
    whole = {
        "severity": "high",
        "file": "a.py",
        "line": 3,
        "title": "x is never checked",
        "detail": "Check it.",
    }
    return "FINDING " + json.dumps(whole | fields)


def git(folder: Path, *arguments: str) -> None:
    named = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(("git", *named, *arguments), cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit and, after it, a changed file."""
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "a.py").write_text("x = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    (folder / "a.py").write_text("x = 2\n")
    return folder


async def test_findings_of_several_models_are_joined(tmp_path: Path) -> None:
    async with panel(tmp_path, seats="ab") as (up, client):
        up.model("a", finding() + "\n" + finding(severity="low", line=9, title="a name is unclear"), **JUDGES)
        up.model(
            "b",
            finding(severity="critical", line=4, title="x is not checked") + "\nFINDING {broken",
            **JUDGES,
        )
        source = {"name": "a.py", "content": "def f(x):\n    return x\n"}
        told = await call(
            client, "code_review", files=[source], review_type="security", focus_areas=["input"]
        )
        first, second = told["findings"]
        assert (first["severity"], first["members"]) == ("critical", ["lab/a", "lab/b"])
        assert (second["title"], second["members"]) == ("a name is unclear", ["lab/a"])
        assert told["reviewed"] == ["a.py"]
        prompt = up.asked[0].prompt
        assert "def f(x):" in prompt
        assert "injection" in prompt
        assert "input" in prompt
        grave = await call(
            client, "code_review", files=[source], severity_filter="high", review_type="security"
        )
        assert [one["severity"] for one in grave["findings"]] == ["critical"]


async def test_a_quick_review_asks_one_model(tmp_path: Path) -> None:
    async with panel(tmp_path, seats="ab") as (up, client):
        up.model("a", "NO FINDINGS. It can go in.")
        up.model("b", "NO FINDINGS.")
        source = {"name": "a.py", "content": "x = 1\n"}
        told = await call(client, "code_review", files=[source], review_type="quick")
        assert (up.count(), told["findings"]) == (1, [])


async def test_files_are_read_below_the_allowed_folders_only(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "a.py").write_text("allowed = 1\n")
    (tmp_path / "b.py").write_text("forbidden = 1\n")
    async with panel(tmp_path, seats="a", files={"roots": [str(tmp_path / "work")]}) as (up, client):
        up.model("a", "NO FINDINGS.")
        await call(client, "code_review", files=["a.py"], review_type="quick")
        assert "allowed = 1" in up.asked[0].prompt
        for path in ("../b.py", str(tmp_path / "b.py"), "/etc/passwd"):
            assert (await refused(client, "code_review", files=[path]))["code"] == "forbidden"
        assert up.count() == 1


async def test_changes_are_what_git_says(tmp_path: Path, repository: Path) -> None:
    (repository / "new.py").write_text("y = 3\n")
    (repository / ".env").write_text("KEY=secret-value\n")
    async with panel(tmp_path, seats="a", files={"roots": [str(repository)]}) as (up, client):
        up.model("a", finding())
        told = await call(client, "review_changes", original_task="Set x to two.")
        prompt = up.asked[0].prompt
        assert "-x = 1" in prompt
        assert "+x = 2" in prompt
        assert "+y = 3" in prompt
        assert "Set x to two." in prompt
        assert "secret-value" not in prompt
        assert told["reviewed"] == ["a.py", "new.py"]
        assert any(".env" in warning for warning in told["warnings"])
        assert told["findings"][0]["title"] == "x is never checked"

        only = await call(client, "review_changes", paths=["a.py"], include_untracked=False)
        assert only["reviewed"] == ["a.py"]


async def test_a_changed_secret_is_not_sent(tmp_path: Path, repository: Path) -> None:
    (repository / "server.pem").write_text("one\n")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "second")
    (repository / "server.pem").write_text("hidden-key\n")
    (repository / "a.py").write_text("x = 5\n")
    async with panel(tmp_path, seats="a", files={"roots": [str(repository)]}) as (up, client):
        up.model("a", "NO FINDINGS.")
        told = await call(client, "review_changes")
        assert "hidden-key" not in up.asked[0].everything
        assert told["reviewed"] == ["a.py"]
        assert any("server.pem" in warning for warning in told["warnings"])


async def test_the_repository_makes_git_run_nothing(tmp_path: Path, repository: Path) -> None:
    ran = tmp_path / "ran"
    evil = tmp_path / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {ran}\ncat\n")
    evil.chmod(0o755)
    (repository / ".gitattributes").write_text("*.py filter=evil diff=evil\n")
    for key in ("filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "diff.evil.textconv",
                "diff.evil.command", "diff.external", "core.fsmonitor", "core.pager"):  # fmt: skip
        git(repository, "config", key, str(evil))
    async with panel(tmp_path, seats="a", files={"roots": [str(repository)]}) as (up, client):
        up.model("a", "NO FINDINGS.")
        await call(client, "review_changes")
        assert "+x = 2" in up.asked[0].prompt
    assert not ran.exists()


async def test_what_is_named_is_neither_option_nor_pattern(tmp_path: Path, repository: Path) -> None:
    (repository / "--output=pwned").write_text("z = 1\n")
    async with panel(tmp_path, seats="a", files={"roots": [str(repository)]}) as (up, client):
        up.model("a", "NO FINDINGS.")
        told = await call(client, "review_changes", paths=["--output=pwned"])
        assert told["reviewed"] == ["--output=pwned"]
        assert not (repository / "pwned").exists()
        assert (await refused(client, "review_changes", paths=["*.py"]))["code"] == "not_found"
        assert (await refused(client, "review_changes", paths=["../.."]))["code"] == "forbidden"


async def test_a_repository_above_the_allowed_folder_is_out_of_reach(
    tmp_path: Path, repository: Path
) -> None:
    below = repository / "below"
    below.mkdir()
    (below / "b.py").write_text("b = 1\n")
    async with panel(tmp_path, seats="a", files={"roots": [str(below)]}) as (up, client):
        up.model("a", "NO FINDINGS.")
        error = await refused(client, "review_changes")
        assert error["code"] == "not_found"
        assert "no git repository" in error["message"]
        assert up.count() == 0


async def test_a_repository_without_a_commit_is_all_new(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "a.py").write_text("x = 1\n")
    git(folder, "add", ".")
    async with panel(tmp_path, seats="a", files={"roots": [str(folder)]}) as (up, client):
        up.model("a", "NO FINDINGS.")
        await call(client, "review_changes")
        assert "+x = 1" in up.asked[0].prompt


async def test_models_answer_side_by_side(tmp_path: Path) -> None:
    async with panel(tmp_path, seats="ab") as (up, client):
        up.model("a", QUEUE)
        up.model("b", TABLE)
        told = await call(client, "multi_model_review", task="How?", compare=False)
        assert {one["member"]: one["text"] for one in told["reviews"]} == {
            "lab/a": QUEUE,
            "lab/b": TABLE,
        }
        assert {asked.kind for asked in up.asked} == {"seat"}
        await call(client, "multi_model_review", task="How?", models=["lab/a", "lab/b"])
        assert {"grouping", "synthesis"} & {asked.kind for asked in up.asked}


async def test_options_are_ranked_by_independent_scores(tmp_path: Path) -> None:
    async with panel(tmp_path, seats="ab") as (up, client):
        up.model("a", "SCORE A 1 4\nSCORE A 2 6\nSCORE B 1 9\nSCORE B 2: 8/10\nCONCLUSION: B")
        up.model("b", "- SCORE A 1 - 5\nSCORE A 2 5\nSCORE B 1 7\nSCORE B 2 6\nSCORE C 1 99\nCONCLUSION: B")
        told = await call(
            client,
            "comparative_analysis",
            options=["queue", "table"],
            criteria=["speed", "cost"],
            context="small",
        )
        first, second = told["ranking"]
        assert (first["option"], first["score"], first["spread"]) == ("table", 7.5, 2.0)
        assert first["by_criterion"] == {"speed": 8.0, "cost": 7.0}
        assert first["by_model"] == {"lab/a": 8.5, "lab/b": 6.5}
        assert (second["option"], second["score"]) == ("queue", 5.0)
        assert (told["conclusion"], told["agreement"]) == ("B", "agree")
