"""Programs that some tests need and that a machine may lack: a browser, database servers."""

import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Need:
    """A program under any of `names` (paths with a star are tried as patterns), and how to get it."""

    names: tuple[str, ...]
    hint: str


NEEDS: dict[str, Need] = {
    "chromium": Need(("chromium", "chromium-browser", "google-chrome"), "apt-get install chromium"),
    "curl": Need(("curl",), "apt-get install curl"),
    "node": Need(("node",), "./dev test installs it from requirements.lock"),
    "postgresql": Need(("postgres", "/usr/lib/postgresql/*/bin/postgres"), "apt-get install postgresql"),
    "redis": Need(("redis-server", "valkey-server"), "apt-get install redis-server"),
}


def found(name: str, path: str | None = None) -> Path | None:
    """Where the program of need `name` is, searching `path` (default: PATH); None when it is absent."""
    for candidate in NEEDS[name].names:
        if "*" in candidate:
            matches = sorted(Path("/").glob(candidate.lstrip("/")))
            if matches:
                return matches[-1]
        elif where := shutil.which(candidate, path=path):
            return Path(where)
    return None
