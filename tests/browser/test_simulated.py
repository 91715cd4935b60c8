"""The demo: what is simulated or computed by rule says so wherever the page shows it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import OpenPage
from tests.browser.steps import answered
from tests.support.server import Server

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(90)]


@pytest.fixture
def demo(home: Path) -> Iterator[str]:
    command = (sys.executable, "-m", "quorum_mcp", "demo", "--port", "{port}")
    with Server(home, {}, command=command) as server:
        yield server.url + "/"


def test_nothing_simulated_goes_without_its_label(demo: str, open_page: OpenPage) -> None:
    page = open_page(demo)
    expect(page.locator(".estimate-warning").first).to_contain_text("scripted, not language models")
    page.get_by_role("textbox", name="Question").fill(
        "How many days are there from 2026-03-01 to 2026-11-21?"
    )
    page.locator("input[value=full_deliberation]").check(force=True)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".notice-simulated")).to_contain_text("no language models")
    seats = page.locator(".seat", has_text="sim/")
    expect(seats.first).to_be_visible()
    answered(page)
    for look in ("live", "reloaded"):
        expect(page.locator(".notice-simulated"), look).to_be_visible()
        expect(page.locator(".notice-builtin"), look).to_contain_text("builtin/arithmetic")
        simulated = page.locator(".seat", has=page.locator("h3", has_text="sim/"))
        expect(simulated).to_have_count(4)
        expect(simulated.locator(".seat-head .tag", has_text="simulated")).to_have_count(4)
        expect(page.locator(".seat .tag", has_text="built-in solver")).to_have_count(1)
        expect(page.locator(".conclusion")).to_contain_text("265")
        page.reload()
        answered(page)
    page.get_by_role("link", name="Ask", exact=True).click()
    rows = page.locator(".session")
    expect(rows.first).to_contain_text("simulated")
