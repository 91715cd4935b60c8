"""The commands behind ./dev."""

import os
import sys
from collections.abc import Callable, Sequence

from environment import BIN, ROOT, environment, lock, node_is_installed, node_locks, python_is_installed, run
from needs import NEEDS, found

Arguments = Sequence[str]
LONG_FAULTS = "QUORUM_LONG_FAULTS"
"""Set to 1, tests of faults take their long form: more kills, more cases, minutes instead of seconds."""


def demo(arguments: Arguments) -> int:
    """Start Quorum with simulated models and print a first question to try."""
    if not (ROOT / "src/quorum_mcp/cli/main.py").exists():
        return _missing("the quorum command (src/quorum_mcp/cli) is not there yet")
    return run(BIN / "quorum", "demo", *arguments, env=environment())


def test(arguments: Arguments) -> int:
    """Run the tests; arguments go to pytest. With CI=true a missing part fails instead of skipping."""
    absent = _parts()
    for part in absent:
        print(f"dev: MISSING {part}", file=sys.stderr)
    # Tests mostly wait: four at a time on two cores, those of a file one after another on one server.
    pytest = (BIN / "python", "-m", "pytest", "-n", "4", "--dist", "loadfile", "-rfEs", *arguments)
    status = run(*pytest, env=environment())
    for part in absent:
        print(f"dev: skipped what needs it: {part}", file=sys.stderr)
    return status or (1 if absent and os.environ.get("CI") == "true" else 0)


def check(arguments: Arguments) -> int:
    """Lint, formatting and strict types."""
    python = BIN / "python"
    steps = (
        (python, "-m", "ruff", "check", *arguments),
        (python, "-m", "ruff", "format", "--check", *arguments),
        (python, "-m", "basedpyright", *arguments),
    )
    return max([run(*step, env=environment()) for step in steps])


def bench(arguments: Arguments) -> int:
    """Run a benchmark by name; without one, list them."""
    names = sorted(path.stem for path in (ROOT / "benchmarks").glob("[a-z]*.py"))
    if not names:
        return _missing("no benchmark is there yet (benchmarks/NAME.py)")
    if not arguments or arguments[0] not in names:
        print("usage: ./dev bench NAME …   NAME: " + ", ".join(names), file=sys.stderr)
        return 2
    name, *rest = arguments
    program = ROOT / "benchmarks" / f"{name}.py"
    return run(BIN / "python", program, *rest, env=environment() | {"PYTHONPATH": str(ROOT)})


def docs(arguments: Arguments) -> int:
    """Make the generated reference pages."""
    return _script("docs.py", "the generated reference", arguments)


def faults(arguments: Arguments) -> int:
    """Run every test that has a long form in that form, one after another; arguments go to pytest."""
    files = [path for path in (ROOT / "tests").rglob("test_*.py") if LONG_FAULTS in path.read_text()]
    if not files:
        return _missing(f"no test has a long form yet ({LONG_FAULTS})")
    absent = _parts()
    chosen = any((ROOT / argument.partition("::")[0]).exists() for argument in arguments)
    pytest = (BIN / "python", "-m", "pytest", "-rfEsP", "--durations=0", "--durations-min=5", *arguments)
    status = run(*pytest, *(() if chosen else sorted(files)), env=environment() | {LONG_FAULTS: "1"})
    for part in absent:
        print(f"dev: skipped what needs it: {part}", file=sys.stderr)
    return status or (1 if absent and os.environ.get("CI") == "true" else 0)


def screenshots(arguments: Arguments) -> int:
    """Take the screenshots of the web pages for README and docs."""
    return _script("screenshots.py", "the screenshots", arguments)


COMMANDS: dict[str, Callable[[Arguments], int]] = {
    "demo": demo,
    "test": test,
    "check": check,
    "bench": bench,
    "docs": docs,
    "faults": faults,
    "screenshots": screenshots,
    "lock": lambda arguments: lock(*arguments),
}


def main(arguments: Arguments) -> int:
    """Run the named command and return its exit status; 2 for one that cannot run."""
    name, *rest = arguments or ["help"]
    if name not in COMMANDS:
        print(_usage(), file=sys.stderr if name != "help" else sys.stdout)
        return 0 if name == "help" else 2
    if name != "lock":
        python_is_installed()
    return COMMANDS[name](rest)


def _parts() -> list[str]:
    """What the tests need and this machine does not have, after installing what needs no root."""
    absent = [
        f"Node packages of {lock_file.parent.relative_to(ROOT)}: npm ci failed"
        for lock_file in node_locks()
        if not node_is_installed(lock_file)
    ]
    used = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for name, need in NEEDS.items():
        if f'needs("{name}")' in used and found(name, environment()["PATH"]) is None:
            absent.append(f"{name}: {need.hint}")
    return absent


def _script(file: str, what: str, arguments: Arguments) -> int:
    path = ROOT / "tools" / file
    if not path.exists():
        return _missing(f"nothing makes {what} yet (tools/{file})")
    return run(BIN / "python", path, *arguments, env=environment())


def _missing(message: str) -> int:
    print(f"dev: {message}", file=sys.stderr)
    return 2


def _usage() -> str:
    lines = ["usage: ./dev COMMAND …"]
    for name, command in COMMANDS.items():
        text = (command.__doc__ or "Refresh requirements.lock; --upgrade takes newer versions.").partition(
            "\n"
        )
        lines.append(f"  {name:<12} {text[0]}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
