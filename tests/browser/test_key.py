"""A server that wants a key."""

from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import OpenPage
from tests.browser.steps import answered, ask
from tests.browser.world import world

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(60)]
KEY = "a-key-that-nobody-guesses-0123456789"


def test_the_key_is_asked_for_and_kept_in_the_tab(home: Path, open_page: OpenPage) -> None:
    with world(home, QUORUM_BOOTSTRAP_KEY=KEY) as there:
        model = there.model("a", "Four.\nCONCLUSION: 4")
        page = open_page(there.url)
        expect(page.get_by_role("heading", level=1)).to_have_text("A key, please")
        page.get_by_label("Key", exact=True).fill("another key")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("this key is not known")
        page.get_by_label("Key", exact=True).fill(KEY)
        page.keyboard.press("Enter")
        ask(page, "What is 2 + 2?", model)
        answered(page)
        page.reload()
        answered(page)
        kept = page.evaluate(
            "[JSON.stringify(localStorage), document.cookie, sessionStorage.getItem('quorum.key')]"
        )
        assert kept == [kept[0], "", KEY]
        assert KEY not in kept[0]
        stranger = open_page(page.url)
        expect(stranger.get_by_role("heading", level=1)).to_have_text("A key, please")
