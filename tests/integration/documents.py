"""Pages of the documentation as scripts: what a reader would type, in the order of the page."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<body>.*?)^```\s*$", re.MULTILINE | re.DOTALL)
SECONDS = 60
MARK = "=== fence "


@dataclass
class Fence:
    """One example: its language, whether it is marked as not to be run, and its text."""

    number: int
    language: str
    runs: bool
    body: str


@dataclass
class Page:
    """The examples of a page. `text` fences are what the one before them prints."""

    path: Path
    fences: list[Fence] = field(default_factory=list)

    def of(self, language: str) -> list[Fence]:
        return [fence for fence in self.fences if fence.language == language]

    def script(self) -> str:
        """The page as a script of bash; what each fence prints comes after its mark."""
        lines = ["set -eu -o pipefail"]
        for fence in self.fences:
            if not fence.runs:
                continue
            lines.append(f"echo '{MARK}{fence.number}'")
            match fence.language:
                case "sh":
                    lines.append(fence.body)
                case "python":
                    name = f"example{fence.number}.py"
                    lines.append(
                        f"cat > {name} <<'END OF EXAMPLE'\n{fence.body}END OF EXAMPLE\npython {name}"
                    )
                case "yaml":
                    lines.append(f"cat > quorum.yaml <<'END OF EXAMPLE'\n{fence.body}END OF EXAMPLE")
                case _:
                    pass
        return "\n".join(lines) + "\n"


def read(path: Path) -> Page:
    """The page with its fences. An info string of more than a language is `sh no-run`."""
    page = Page(path)
    for number, found in enumerate(FENCE.finditer(path.read_text("utf-8"))):
        language, _, more = found["info"].strip().partition(" ")
        assert more in ("", "no-run"), f"{path.name}: what does {found['info']!r} mean?"
        page.fences.append(Fence(number, language, not more, found["body"]))
    return page


def run(page: Page, folder: Path, ports: Mapping[int, int]) -> dict[int, str]:
    """Run a page in an empty folder; what each of its fences printed, by number.

    `ports` are the ports that the page names and those that are meant.
    """
    script = page.script()
    for said, meant in ports.items():
        script = re.sub(rf"(?<=[:= ]){said}\b", str(meant), script)
    (folder / "page.sh").write_text(script)
    done = subprocess.run(
        ["bash", "page.sh"], cwd=folder, env=environment(folder), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (
        f"{page.path.name} ends with status {done.returncode}:\n…{done.stdout[-2000:]}"
    )
    printed: dict[int, str] = {}
    for part in done.stdout.split(MARK)[1:]:
        number, _, text = part.partition("\n")
        printed[int(number)] = text
    return printed


def environment(folder: Path) -> dict[str, str]:
    """The variables of a reader who has Quorum on the path, and nothing set up."""
    return {
        "HOME": str(folder),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "LANG": "C.UTF-8",
        "OLLAMA_ENABLE": "false",
        "PYTHONWARNINGS": "error::ResourceWarning",
    }


def missing(expected: str, printed: str) -> list[str]:
    """The lines of `expected` that are not printed in that order; `…` stands for anything, spaces for any space."""
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    place, absent = 0, []
    for line in filter(None, map(str.strip, expected.splitlines())):
        pattern = re.compile(".*".join(re.escape(" ".join(part.split())) for part in line.split("…")))
        found = next((at for at in range(place, len(lines)) if pattern.search(lines[at])), None)
        if found is None:
            absent.append(line)
        else:
            place = found
    return absent
