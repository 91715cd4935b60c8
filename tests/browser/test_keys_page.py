"""Keys: made without a mouse and shown once, organisations, and what a key without a scope sees of the pages."""

import json
import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import OpenPage
from tests.browser.world import World, world

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(60)]


def ask(there: World, path: str, key: str, body: dict[str, object] | None = None) -> tuple[int, str]:
    """What the server answers to somebody with this key."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(
            urllib.request.Request(there.url + path, data, headers), timeout=5
        ) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def log_in(page: Page, key: str) -> None:
    page.get_by_label("Key", exact=True).fill(key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).not_to_have_text("A key, please")


def test_the_first_key_is_made_without_a_mouse_and_the_page_goes_on_with_it(
    home: Path, open_page: OpenPage
) -> None:
    with world(home) as there:
        page = open_page(there.url + "#/calls")
        nothing_happened_yet(page)
        expect(page.get_by_text("There is no key yet")).to_be_visible()
        page.get_by_role("button", name="Make a key").press("Enter")
        expect(page.get_by_label("What it is for")).to_be_focused()
        expect(page.get_by_role("dialog")).to_contain_text("everyone needs one")
        page.keyboard.type("mine")
        page.keyboard.press("Enter")
        shown = page.get_by_label("The key", exact=True)
        expect(shown).to_be_focused()
        key = shown.input_value()
        page.keyboard.press("Escape")
        row = page.get_by_role("table", name="API keys").locator("tbody tr")
        expect(row).to_have_count(1)
        expect(row).to_contain_text(f"…{key[-4:]}")
        assert key not in page.content(), "it is shown once"
        assert ask(there, "api/stats", key)[0] == 200
        stranger = open_page(there.url + "#/keys")
        expect(stranger.get_by_role("heading", level=1)).to_have_text("A key, please")
        an_organisation_and_its_key(there, page, key)
        what_a_key_may_not_see_is_not_there(there, open_page, key)
        a_key_is_revoked(there, page, key)


def nothing_happened_yet(page: Page) -> None:
    """What pages say on a new server; the keys' one is the last."""
    empty = {
        "/calls": "No model was called yet",
        "/calls?status=error": "No call is like that",
        "/performance": "Nothing was asked in this time",
        "/budget": "Nothing was asked in this time",
        "/keys?tab=organizations": "There is no organisation",
        "/keys?tab=providers": "No provider’s key is kept here",
        "/keys": "There is no key yet",
    }
    for address, words in empty.items():
        page.evaluate("address => { location.hash = address }", address)
        expect(page.locator("main").get_by_text(words).first, address).to_be_visible()


def an_organisation_and_its_key(there: World, page: Page, key: str) -> None:
    page.get_by_role("tab", name="Organisations").click()
    page.get_by_label("A new organisation").fill("Acme")
    page.keyboard.press("Enter")
    row = page.get_by_role("table", name="Organisations").locator("tbody tr")
    expect(row).to_contain_text("Acme")
    page.get_by_role("tab", name="API keys").click()
    page.get_by_role("button", name="Make a key").click()
    page.get_by_label("What it is for").fill("theirs")
    page.get_by_label("Organisation").select_option(label="Acme")
    page.get_by_label("Only these models").fill("lab/*")
    page.get_by_label("Calls a minute").fill("60")
    page.get_by_label("Ends in days").fill("30")
    page.get_by_role("button", name="Make the key").click()
    page.get_by_role("button", name="I have kept it").click()
    expect(page.get_by_role("table", name="API keys").locator("tbody tr")).to_have_count(2)
    keys = json.loads(ask(there, "api/keys", key)[1])["keys"]
    assert [keys[0][name] for name in ("name", "scopes", "models", "requests_per_minute")] == [
        "theirs", ["ask", "read"], ["lab/*"], 60,
    ]  # fmt: skip
    theirs = page.get_by_role("table", name="API keys").locator("tbody tr").filter(has_text="theirs")
    expect(theirs).to_contain_text("Acme")
    expect(theirs).to_contain_text("lab/* · 60 calls/min")
    expect(theirs).to_contain_text(re.compile("in (29|30) d"))


def what_a_key_may_not_see_is_not_there(there: World, open_page: OpenPage, key: str) -> None:
    """Without a scope neither the page nor its data, however it is asked for."""
    seen = {
        "ask": {"Ask"},
        "read": {"Sessions", "Calls", "Providers", "Performance", "Budget", "Playground"},
    }
    for scope, menu in seen.items():
        made = json.loads(ask(there, "api/keys", key, {"name": scope, "scopes": [scope]})[1])["key"]
        page = open_page(there.url + "#/settings")
        log_in(page, made)
        expect(page.get_by_role("heading", name="Your key may not open this page")).to_be_visible()
        assert set(page.locator("nav.menu a").all_inner_texts()) == menu
        for path in ("api/settings", "api/keys", "api/organizations", "api/credentials"):
            assert ask(there, path, made)[0] == 403
        assert ask(there, "api/calls", made)[0] == (200 if scope == "read" else 403)
        if scope == "read":
            page.evaluate("location.hash = '/budget'")
            expect(page.get_by_text("No budget concerns you")).to_be_visible()
            expect(page.locator(".alerts .card-note")).to_have_text(
                "live"
            )  # the WebSocket takes the cookie too
            expect(page.get_by_role("button", name=re.compile("Set a budget|Change|Remove"))).to_have_count(0)


def a_key_is_revoked(there: World, page: Page, key: str) -> None:
    keys = page.get_by_role("table", name="API keys").locator("tbody tr")
    page.reload()
    expect(keys).to_have_count(4)
    page.get_by_role("button", name="Revoke theirs").click()
    expect(page.get_by_role("dialog")).to_contain_text("cannot be taken back")
    page.get_by_role("button", name="Revoke", exact=True).click()
    expect(keys.filter(has_text="theirs")).to_contain_text("revoked")
    assert '"revoked"' in ask(there, "api/keys", key)[1]
