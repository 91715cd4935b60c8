"""The uncommitted changes of a git repository below the allowed folders.

The repository is not trusted: neither its own configuration nor its attributes make git run a program, nothing
that a caller names is taken for an option or a pattern, and a repository is looked for below the allowed folder
only.
"""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from quorum_mcp.access.files import looks_secret, read_allowed, real_path
from quorum_mcp.errors import ConfigError, InvalidInput, NotFound, QuorumError

LONGEST = 400_000
"""Characters of changes that are reviewed."""
SECONDS = 20.0
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""What a repository without any commit is compared with: git's name of the empty folder."""
SAFE = (
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat", "-c", "core.quotePath=false",
    "-c", "diff.external=", "-c", "core.attributesFile=/dev/null",
)  # fmt: skip
NO_SUBMODULES = "--ignore-submodules=all"
"""Looking for changes in a submodule would start git there, with its own configuration."""


class Changes(Struct, frozen=True):
    """`text` is a diff, `files` are the changed ones; `left_out` says what is not in it, and why."""

    text: str
    files: tuple[str, ...]
    left_out: tuple[str, ...]


async def changes(paths: Sequence[str], roots: Sequence[str], *, untracked: bool) -> Changes:
    """What changed since the last commit below `paths` (absent: the first allowed folder).

    Raises:
        Forbidden: a path lies outside the roots.
        NotFound: there is no repository, or nothing has changed.
    """
    if not roots:
        raise ConfigError("no folder may be read", hint="set files.roots in quorum.yaml")
    parts = [await _below(path, roots, untracked=untracked) for path in paths or ["."]]
    files = tuple(dict.fromkeys(name for part in parts for name in part.files))
    left_out = tuple(dict.fromkeys(line for part in parts for line in part.left_out))
    if not files:
        hint = f"left out: {'; '.join(left_out)}" if left_out else "is include_untracked wanted?"
        raise NotFound("nothing has changed since the last commit", hint=hint)
    text = "\n".join(part.text for part in parts if part.text)
    if len(text) > LONGEST:
        left_out = (*left_out, f"everything after the first {LONGEST} characters of the changes")
    return Changes(text[:LONGEST], files, left_out)


async def _below(path: str, roots: Sequence[str], *, untracked: bool) -> Changes:
    root, real = real_path(path, roots)
    if not real.exists():
        raise NotFound(f"there is no {path!r}", hint=f"paths are looked for below {root}")
    folder = real if real.is_dir() else real.parent
    git = Git(folder, root)
    within = "." if real.is_dir() else real.name
    base = await git.base()
    changed = await git.names(
        "diff", "--name-only", "-z", "--relative", "--no-ext-diff", NO_SUBMODULES, base, "--", within
    )
    kept = [name for name in changed if not looks_secret(Path(name).parts)]
    text = ""
    if kept:
        text = await git.run(
            "diff", "--no-color", "--no-ext-diff", "--no-textconv", "--relative", NO_SUBMODULES, base,
            "--", *kept,
        )  # fmt: skip
    new = (
        await git.names("ls-files", "--others", "--exclude-standard", "-z", "--", within) if untracked else []
    )
    left_out = [f"{name} looks like a secret" for name in changed if name not in kept]
    for name in new:
        try:
            _, content = await asyncio.to_thread(read_allowed, str(folder / name), roots)
            text += _as_new(name, content.decode())
            kept.append(name)
        except UnicodeDecodeError:
            left_out.append(f"{name} is not text")
        except QuorumError as error:
            left_out.append(error.message)
    return Changes(text, tuple(kept), tuple(left_out))


def _as_new(name: str, text: str) -> str:
    lines = text.splitlines()
    body = "".join(f"+{line}\n" for line in lines)
    return f"diff --git a/{name} b/{name}\nnew file\n--- /dev/null\n+++ b/{name}\n@@ -0,0 +1,{len(lines)} @@\n{body}"


class Git:
    """git in one folder, which must lie in a repository below `root`."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder = folder
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "SYSTEMROOT") if name in os.environ}
        self._env = kept | {
            "GIT_CEILING_DIRECTORIES": str(root.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
        }
        self._filters: tuple[str, ...] | None = None

    async def base(self) -> str:
        """What changes are counted from: the last commit."""
        status, _, said = await self._start("rev-parse", "--git-dir")
        if status != 0:
            raise NotFound(
                f"{self._folder} is in no git repository that may be read: {said.strip()[:200]}",
                hint="name a folder of a repository that lies below the allowed folders",
            )
        status, _, _ = await self._start("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        return "HEAD" if status == 0 else EMPTY_TREE

    async def names(self, *arguments: str) -> list[str]:
        """The names that a command lists, separated by zero bytes."""
        return [name for name in (await self.run(*arguments)).split("\0") if name]

    async def run(self, *arguments: str) -> str:
        """What a command says. Raises `InvalidInput` where it fails."""
        if self._filters is None:
            self._filters = await self._without_filters()
        status, out, said = await self._start(*arguments, options=self._filters)
        if status != 0:
            raise InvalidInput(f"git failed: {said.strip()[:300]}", hint="is the repository whole?")
        return out

    async def _without_filters(self) -> tuple[str, ...]:
        """Options that switch off each filter of the configuration: git would run them on changed files."""
        listed = await self._start("config", "--name-only", "-z", "--get-regexp", r"^filter\.")
        drivers = {name.rpartition(".")[0] for name in listed[1].split("\0") if name}
        off = [
            f"{driver}.{end}"
            for driver in sorted(drivers)
            for end in ("clean=", "smudge=", "process=", "required=false")
        ]
        return tuple(part for option in off for part in ("-c", option))

    async def _start(self, *arguments: str, options: Sequence[str] = ()) -> tuple[int, str, str]:
        command = ("git", *SAFE, *options, *arguments)
        pipe = asyncio.subprocess.PIPE
        try:
            child = await asyncio.create_subprocess_exec(
                *command,
                cwd=self._folder,
                env=self._env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=pipe,
                stderr=pipe,
            )
        except FileNotFoundError:
            raise ConfigError("git is not installed on the server", hint="install git") from None
        try:
            async with asyncio.timeout(SECONDS):
                out, said = await child.communicate()
        except TimeoutError:
            raise InvalidInput(f"git took more than {SECONDS:.0f} s", hint="name fewer paths") from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        return child.returncode or 0, out.decode(errors="replace"), said.decode(errors="replace")
