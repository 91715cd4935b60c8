"""All pages of the reference by their file names."""

from collections.abc import Callable
from pathlib import Path

from .cli import cli_page
from .errors import errors_page
from .events import events_page
from .metrics import metrics_page
from .operations import operations_page
from .providers import providers_page
from .settings import settings_page

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
PAGES: dict[str, Callable[[], str]] = {
    "operations.md": operations_page,
    "settings.md": settings_page,
    "events.md": events_page,
    "metrics.md": metrics_page,
    "cli.md": cli_page,
    "errors.md": errors_page,
    "providers.md": providers_page,
}


def differing() -> list[str]:
    """The pages whose file is not what would be written now, and files that no page makes."""
    stored = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.md")}
    made = {name: make() for name, make in PAGES.items()}
    return sorted(name for name in stored.keys() | made.keys() if stored.get(name) != made.get(name))


def write() -> list[str]:
    """Write every page; the names of those that changed."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    changed = differing()
    for name in changed:
        if name in PAGES:
            (FOLDER / name).write_text(PAGES[name](), "utf-8")
        else:
            (FOLDER / name).unlink()
    return changed
