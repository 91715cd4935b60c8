"""A real Chromium, and pages that report whatever should not happen in them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright
from tests.browser.world import World, world
from tools.needs import found

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for one module: while it is open, Playwright's event loop keeps asynchronous tests from running."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found("chromium"), args=[*FLAGS])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world for all tests of a module; each scripts models of its own."""
    with world(tmp_path_factory.mktemp("home")) as one:
        yield one


class Watch:
    """What went wrong in a page that nobody asserts on: requests elsewhere, errors, refused scripts and styles."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.requests: list[str] = []

    def page(self, page: Page, origin: str) -> None:
        def requested(request: Request) -> None:
            self.requests.append(request.url)
            parts = urlsplit(request.url)
            if f"{parts.scheme}://{parts.netloc}" != origin:
                self.problems.append(f"request to {request.url[:200]}")

        def said(message: ConsoleMessage) -> None:
            expected = "Failed to load resource"  # a refusal that the page shows; tests look at that
            if message.type in ("error", "warning") and expected not in message.text:
                self.problems.append(f"console: {message.text[:300]}")

        page.on("request", requested)
        page.on("console", said)
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (self.problems.append("a dialog box"), dialog.dismiss()))


@pytest.fixture
def watch() -> Iterator[Watch]:
    watching = Watch()
    yield watching
    assert not watching.problems, "\n".join(watching.problems)


@pytest.fixture
def open_page(browser: Browser, watch: Watch) -> Iterator[OpenPage]:
    """Opens an address in a context of its own; `dark`, `width` as needed."""
    contexts = []

    def opening(url: str, *, dark: bool = False, width: int = 1400, **more: Any) -> Page:
        scheme = "dark" if dark else "light"
        context = browser.new_context(
            viewport={"width": width, "height": 900 if width > 500 else 812}, color_scheme=scheme, **more
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        parts = urlsplit(url)
        watch.page(page, f"{parts.scheme}://{parts.netloc}")
        page.goto(url)
        return page

    yield opening
    for context in contexts:
        context.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"
