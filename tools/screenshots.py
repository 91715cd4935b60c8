"""Screenshots of every page, light and dark, desktop and phone, into docs/screenshots.

    ./dev screenshots            # all
    ./dev screenshots budget     # only pages with these names

The server is a real one in this process. Its panel is simulated, three more providers and the past in its database
are made up, and nothing leaves the machine.
"""

import asyncio
import sys
import tempfile
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.history import fill  # noqa: E402 - the folder is only now on the path
from tests.support.server import environment, listening, write_config  # noqa: E402
from tools.needs import found  # noqa: E402

from quorum_mcp.access.keys import Keys  # noqa: E402
from quorum_mcp.app import asgi, running  # noqa: E402
from quorum_mcp.config.load import load  # noqa: E402
from quorum_mcp.config.settings import Settings  # noqa: E402
from quorum_mcp.operations.context import Services  # noqa: E402
from quorum_mcp.providers.registry import Registry  # noqa: E402
from quorum_mcp.providers.sim.provider import register_sim  # noqa: E402
from quorum_mcp.providers.sim.server import start  # noqa: E402
from quorum_mcp.store.clock import MICROSECONDS, now_us  # noqa: E402
from quorum_mcp.store.database import Database  # noqa: E402
from quorum_mcp.store.organizations import Organizations  # noqa: E402

FOLDER = ROOT / "docs" / "screenshots"
LOOKS = {"light-desktop": (False, 1120, 720), "dark-desktop": (True, 1120, 720),
         "light-phone": (False, 375, 720), "dark-phone": (True, 375, 720)}  # fmt: skip
QUESTION = "How many days are there from 2026-03-01 to 2026-11-21?"
PANEL = ["sim/atlas", "sim/birch", "sim/ember", "sim/cedar", "builtin/arithmetic"]
CALLS, SESSIONS, DAYS = 30_000, 400, 27.0
PRICE = {"input_per_million": 3.0, "output_per_million": 9.0}
BUDGETS = [
    {"period": "monthly", "limit": 450.0},
    {"period": "daily", "limit": 14.0, "alert_threshold": 0.6},
    {"period": "weekly", "limit": 90.0, "provider": "harbor", "enforce": False},
]


@dataclass(frozen=True)
class Shot:
    """One page: its address, and what is done on it before it is looked at."""

    name: str
    address: str
    before: Callable[[Page], None] | None = None


def open_call(page: Page) -> None:
    """The first call, with its stages."""
    page.locator(".row-open").nth(1).click()
    page.locator(".stage").first.wait_for()


def run_operation(page: Page) -> None:
    """A call of the playground."""
    page.get_by_label("a", exact=True).fill("About half of them.\nCONCLUSION: 0.5")
    page.get_by_label("b", exact=True).fill("CONCLUSION: 1/2")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("region", name="The answer").wait_for()
    page.evaluate("scrollTo(0, 0)")


def shots(session: str) -> list[Shot]:
    """Every page; `session` is one that has ended."""
    return [
        Shot("ask", "#/"),
        Shot("session", f"#/session/{session}"),
        Shot("sessions", "#/sessions"),
        Shot("calls", "#/calls?provider=north", open_call),
        Shot("providers", "#/providers"),
        Shot("performance", "#/performance?window=7d"),
        Shot("budget", "#/budget"),
        Shot("playground", "#/playground?op=agreement", run_operation),
        Shot("keys", "#/keys"),
        Shot("settings", "#/settings?show=set"),
    ]


def settings_in(home: Path, sim: str) -> Settings:
    """A configuration with three made-up providers; one of them cannot be reached."""
    addresses = {"north": f"{sim}/v1", "harbor": f"{sim}/v1", "lumen": "http://127.0.0.1:9/v1"}
    models = {
        "north": ["large-2", "small-2"],
        "harbor": ["atlas-pro", "atlas-mini"],
        "lumen": ["opal", "opal-vision"],
    }
    providers = {
        name: {
            "wire": "openai", "base_url": address, "models": models[name], "price": PRICE,
            "limits": {"requests_per_minute": 240, "tokens_per_minute": 150_000},
        }
        for name, address in addresses.items()
    }  # fmt: skip
    given = {
        "providers": providers,
        "panels": {"default": PANEL},
        "budgets": BUDGETS,
        "health": {"probe_seconds": 1},
    }
    file = write_config(home, given)
    return load(config=file, env=environment(home, file, {"QUORUM_AUTH": "off"}), cwd=home)


async def furnish(services: Services) -> None:
    """An organisation and some keys."""
    acme = await services.get(Organizations).add("Acme")
    keys, month = services.get(Keys), 30 * 86_400 * MICROSECONDS
    await keys.create("local", "deployment", scopes=frozenset({"ask", "read", "write", "admin"}))
    await keys.create(acme.id, "Acme, support desk", scopes=frozenset({"ask", "read"}), models=("north/*",),
                      requests_per_minute=60, expires_at=now_us() + month)  # fmt: skip
    await keys.create("local", "dashboard", scopes=frozenset({"read"}))


@asynccontextmanager
async def served(home: Path) -> AsyncGenerator[str, None]:
    """The server with its past; yields its address."""
    async with await start(0, seed=1, speed=4.0) as sim:
        settings = settings_in(home, sim.url)
        database = await Database.open(settings.database_url)
        await fill(database, calls=CALLS, sessions=SESSIONS, days=DAYS)
        await database.close()
        async with running(settings) as services:
            register_sim(services.get(Registry), sim.url)
            await furnish(services)
            app = asgi(settings, loopback_bind=True, services=services)
            async with listening(app, "127.0.0.1") as rest:
                yield rest.url + "/"


@contextmanager
def serving(home: Path) -> Generator[str, None, None]:
    """The same from another thread: the browser's library has an event loop of its own in this one."""
    ready, over, box = threading.Event(), threading.Event(), list[str]()

    async def main() -> None:
        async with served(home) as url:
            box.append(url)
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    try:
        while not ready.wait(0.2):
            if not thread.is_alive():
                raise RuntimeError("the server did not start")
        yield box[0]
    finally:
        over.set()
        thread.join()


def asked(browser: Browser, url: str) -> str:
    """Ask the panel by the page; the session's id, once it has an answer."""
    page = browser.new_page()
    page.goto(url)
    page.get_by_label("Question").fill(QUESTION)
    page.locator("input[value=full_deliberation]").check(force=True)
    page.keyboard.press("Control+Enter")
    page.get_by_role("region", name="The answer").wait_for()
    session = page.url.rpartition("/")[2]
    page.close()
    return session


def take(browser: Browser, url: str, wanted: Sequence[Shot]) -> None:
    """One picture of each page in each look."""
    for look, (dark, width, height) in LOOKS.items():
        scheme = "dark" if dark else "light"
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        page = context.new_page()
        for shot in wanted:
            page.goto(url + shot.address)
            page.locator("main h1").wait_for()
            page.wait_for_load_state("networkidle")
            if shot.before is not None:
                shot.before(page)
            page.wait_for_timeout(700)
            page.screenshot(path=FOLDER / f"{shot.name}-{look}.png", animations="disabled")
        context.close()


def main(names: Sequence[str]) -> int:
    """Take the named pages' pictures, or all; returns the exit status."""
    FOLDER.mkdir(exist_ok=True)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))  # errors only
    with tempfile.TemporaryDirectory() as home, serving(Path(home)) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        every = shots(asked(browser, url))
        take(browser, url, [shot for shot in every if not names or shot.name in names])
        browser.close()
    size = sum(path.stat().st_size for path in FOLDER.glob("*.png"))
    print(
        f"{len(list(FOLDER.glob('*.png')))} screenshots, {size / 1e6:.1f} MB, in {FOLDER.relative_to(ROOT)}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
