"""The documentation is that of this code: generated pages are current, links lead somewhere, names are all there."""

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from tools.reference.markdown import anchor
from tools.reference.pages import FOLDER, PAGES

from quorum_mcp.calls.ops.records import Stats
from quorum_mcp.config.inactive import INACTIVE
from quorum_mcp.consensus.reply import Reply
from quorum_mcp.event_data import DATA
from quorum_mcp.events import EventType

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "quorum_mcp"
MARKDOWN = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(`{3,}).*?^\1\s*$", re.MULTILINE | re.DOTALL)
VARIABLE = re.compile(r'"((?:QUORUM|MCP|OLLAMA|DEFAULT|XDG|UVICORN)_[A-Z_]+)"')


def without_fences(text: str) -> str:
    return FENCE.sub("", text)


def headings(path: Path) -> set[str]:
    lines = re.findall(r"^#+ (.+)$", without_fences(path.read_text()), re.MULTILINE)
    return {anchor(line.replace("`", "")) for line in lines}


def sources() -> Iterator[tuple[Path, str]]:
    for path in sorted(SRC.rglob("*.py")):
        yield path, path.read_text()


@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", PAGES)
def test_the_reference_is_current(name: str) -> None:
    assert (FOLDER / name).read_text() == PAGES[name](), (
        f"docs/reference/{name} is out of date: run ./dev docs"
    )


def test_the_reference_holds_no_other_page() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    dead: list[str] = []
    for target in LINK.findall(without_fences(path.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, place = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        if not found.exists() or (place and place not in headings(found)):
            dead.append(target)
    assert not dead


def test_the_index_names_every_page() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {
        (index.parent / target.partition("#")[0]).resolve() for target in LINK.findall(index.read_text())
    }
    missing = [
        path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md") if path not in linked
    ]
    assert missing == ["docs/index.md"]


def test_every_variable_is_in_the_settings() -> None:
    page = (FOLDER / "settings.md").read_text()
    named = {name for _, text in sources() for name in VARIABLE.findall(text)}
    assert {name for name in named if f"`{name}`" not in page} == set()


def test_settings_without_effect_are_used_nowhere() -> None:
    used = [
        f"{path.relative_to(SRC)}: settings.{key}"
        for path, text in sources()
        if path.parent.name not in ("config", "observe")  # masking a secret is no effect
        and path.name != "model_checks.py"  # nor is looking whether a name means a model
        for key in INACTIVE
        if re.search(rf"\bsettings\.{re.escape(key)}\b", text)
    ]
    assert not used, "these have an effect now: take them out of config/inactive.py"


def test_events_without_a_shape_are_sent_by_nobody() -> None:
    unsent = set(get_args(EventType)) - DATA.keys()
    sent = [
        f"{path.relative_to(SRC)}: {name}"
        for path, text in sources()
        if path.name != "events.py"
        for name in unsent
        if f'"{name}"' in text
    ]
    assert not sent, "write down what they hold, in event_data.py"


def test_shapes_of_events_are_those_of_their_makers() -> None:
    assert get_type_hints(DATA["call.finished"]).keys() == set(Reply.__struct_fields__)
    assert get_type_hints(DATA["stats"]).keys() == Stats.model_fields.keys()


def test_benchmarks_that_are_named_are_there() -> None:
    named = re.findall(r"\./dev bench (\w+)((?: \w+)*)", (ROOT / "docs" / "figures.md").read_text())
    assert named
    for name, parts in named:
        program = (ROOT / "benchmarks" / f"{name}.py").read_text()
        assert all(f'"{part}": {part}' in program for part in parts.split()), f"{name}{parts}"


def test_every_panel_of_the_benchmarks_has_its_row() -> None:
    page = (ROOT / "docs" / "figures.md").read_text()
    names = re.findall(
        r'^    "([\w-]+, [\w ]+)": \(', (ROOT / "benchmarks" / "harness.py").read_text(), re.MULTILINE
    )
    assert names
    assert [name for name in names if f"| {name} |" not in page] == []


def test_actions_of_the_websocket_are_documented() -> None:
    actions = re.findall(r'^ +"(\w+)": self\._\1,$', (SRC / "api" / "websocket.py").read_text(), re.MULTILINE)
    page = (FOLDER / "events.md").read_text()
    assert len(actions) == 4
    assert [action for action in actions if f"| `{action}` |" not in page] == []


@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "benchmarks").glob("[a-z]*.py")))
def test_benchmarks_find_what_they_import(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    started: list[dict[str, str]] = []

    def run(*_: object, env: dict[str, str]) -> int:
        started.append(env)
        return 0

    monkeypatch.syspath_prepend(ROOT / "tools")
    dev = importlib.import_module("dev")
    monkeypatch.setattr(dev, "run", run)
    assert dev.bench([name]) == 0
    folder = ROOT / "benchmarks"  # which a program that is started there has on its path
    path = os.pathsep.join([str(folder), started[0].get("PYTHONPATH", "")])
    command = [sys.executable, "-c", f"import {name}"]
    subprocess.run(command, env=started[0] | {"PYTHONPATH": path}, cwd=tmp_path, check=True)
