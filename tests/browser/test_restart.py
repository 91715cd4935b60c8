"""The server is killed in the middle of a run and started again: the page goes on by itself."""

from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import OpenPage
from tests.browser.steps import answered, ask, seat
from tests.browser.world import world
from tests.support.script import Say

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(120)]
SAID = "First half, first half, first half.\nSecond half, second half.\nCONCLUSION: 4"


def test_a_killed_server_loses_nothing(home: Path, open_page: OpenPage) -> None:
    with world(home) as there:
        models = [
            there.model("done", "Four at once.\nCONCLUSION: 4"),
            there.model("open", Say(SAID, hold_after="on")),
        ]
        page = open_page(there.url)
        ask(page, "What is 2 + 2?", *models, mode="full_deliberation")
        expect(seat(page, 0)).to_contain_text("concludes 4")
        expect(seat(page, 1)).to_contain_text("First half")
        there.server.kill()
        expect(page.locator(".connection")).to_be_visible()
        there.server.start()
        expect(page.locator(".connection")).to_be_hidden(timeout=20_000)
        there.release("on")
        page.get_by_role("region", name="The answer").wait_for(timeout=60_000)
        answered(page)
        expect(page.locator(".turn")).to_have_count(1)
        expect(page.locator(".seat")).to_have_count(2)
        assert seat(page, 0).inner_text().count("Four at once.") == 1
        assert seat(page, 1).inner_text().count("Second half, second half.") == 1
        assert there.up.count("done") == 1, "a finished call is not paid for twice"
