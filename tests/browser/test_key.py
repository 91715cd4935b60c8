"""A server that wants a key: the page asks for it, hides what it may not do, and logs out again."""

import json
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import OpenPage
from tests.browser.steps import answered, ask
from tests.browser.world import world

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(60)]
KEY = "a-key-that-nobody-guesses-0123456789"


def made(url: str, *scopes: str) -> str:
    """A key with these scopes."""
    body = json.dumps({"name": "reader", "scopes": scopes}).encode()
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}api/keys", body, headers), timeout=5) as answer:
        return json.load(answer)["key"]


def test_log_in_ask_reload_and_log_out(home: Path, open_page: OpenPage) -> None:
    with world(home, QUORUM_BOOTSTRAP_KEY=KEY) as there:
        model = there.model("a", "Four.\nCONCLUSION: 4")
        page = open_page(there.proxy.url)
        expect(page.get_by_role("heading", level=1)).to_have_text("A key, please")
        page.get_by_label("Key", exact=True).fill("another key")
        page.keyboard.press("Enter")
        expect(page.locator(".field-error")).to_contain_text("this key is not known")
        page.get_by_label("Key", exact=True).fill(KEY)
        page.keyboard.press("Enter")
        ask(page, "What is 2 + 2?", model)
        answered(page)
        page.reload()
        answered(page)
        kept = page.evaluate(
            "[JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie]"
        )
        assert kept[2] == "", "no script reads the login"
        assert KEY not in "".join(kept)
        (cookie,) = page.context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/some/where/")
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("A key, please")
        assert page.context.cookies() == []

        page.get_by_label("Key", exact=True).fill(made(there.url, "read"))
        page.keyboard.press("Enter")
        answered(page)
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
        expect(page.get_by_role("navigation", name="Pages").get_by_role("link", name="Ask")).to_have_count(0)
        expect(page.get_by_role("button", name="Ask again")).to_have_count(0)
        expect(page.get_by_label("Ask on in this session")).to_have_count(0)
        page.goto(there.proxy.url + "#/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Your key may not open this page")

        page.get_by_role("button", name="Log out").click()
        page.get_by_label("Key", exact=True).fill(made(there.url, "ask"))
        page.keyboard.press("Enter")
        ask(page, "What is 2 + 2?", model)
        answered(page)
        expect(page.locator(".error")).to_have_count(0)
        expect(page.get_by_text("Export")).to_have_count(0)
