"""Everything without a mouse, and what a screen reader hears."""

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import OpenPage
from tests.browser.steps import answered, seat
from tests.browser.world import World
from tests.support.script import Say

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(60)]
FOUR = "Two and two is four.\nCONCLUSION: 4"


def focused(page: Page) -> str:
    return page.evaluate(
        "document.activeElement.id || document.activeElement.getAttribute('aria-label') || ''"
    )


def test_ask_read_and_stop_with_keys_alone(there: World, open_page: OpenPage) -> None:
    there.model("key-a", Say(FOUR * 30, hold_after="keys"))
    there.model("key-b", Say(FOUR, hold_after="keys"))
    page = open_page(there.url)
    expect(page.locator(".composer")).to_be_visible()
    page.keyboard.press("/")
    assert focused(page) == "question"
    page.keyboard.type("What is 2/1 + 2?")
    expect(page.get_by_role("textbox", name="Question")).to_have_value("What is 2/1 + 2?")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    expect(page.locator("input[value=full_deliberation]")).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    for name in ("lab/key-a", "lab/key-b"):
        page.keyboard.type(name)
        page.keyboard.press("Enter")
    page.keyboard.press("Control+Enter")
    expect(seat(page, 0)).to_contain_text("Two and two")
    page.keyboard.press("2")
    assert focused(page) == "lab/key-b says"
    page.keyboard.press("1")
    assert focused(page) == "lab/key-a says"
    box = seat(page, 0).locator(".seat-text")
    box.evaluate("node => { node.scrollTop = 0 }")
    page.keyboard.press("End")
    page.wait_for_timeout(400)
    assert box.evaluate("node => node.scrollTop") > 0, "a long answer scrolls by keyboard"
    page.keyboard.press("Escape")
    expect(page.locator(".ending")).to_contain_text("stopped")


def test_help_opens_closes_and_switches_single_keys_off(there: World, open_page: OpenPage) -> None:
    page = open_page(there.url)
    expect(page.locator(".composer")).to_be_visible()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("/")
    assert focused(page) != "question", "keys do nothing behind a dialog"
    page.get_by_label("Keys of one character are on").press("Space")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("/")
    assert focused(page) != "question"
    page.reload()
    expect(page.locator(".composer")).to_be_visible()
    page.keyboard.press("?")
    expect(dialog).to_be_hidden()


def test_the_first_tab_leads_past_the_top(there: World, open_page: OpenPage) -> None:
    page = open_page(there.url)
    expect(page.locator(".composer")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert focused(page) == "content"
    assert page.url == there.url


def test_dissent_opens_without_a_mouse(there: World, open_page: OpenPage) -> None:
    long = "Because " * 120 + "\nCONCLUSION: 5"
    models = [there.model("dk-a", FOUR), there.model("dk-b", long), there.model("dk-c", FOUR)]
    page = open_page(there.url)
    page.keyboard.press("/")
    page.get_by_role("textbox", name="Question").fill("What is 2 + 2?")
    page.locator(".panel > summary").press("Enter")
    for model in models:
        page.get_by_label("Find a model").press_sequentially(model)
        page.keyboard.press("Enter")
    page.keyboard.press("Control+Enter")
    answer = answered(page)
    answer.locator(".dissent summary").press("Enter")
    assert answer.locator(".dissent blockquote").inner_text() == long


def test_screen_readers_hear_events_not_tokens(there: World, open_page: OpenPage) -> None:
    models = [
        there.model("said-alpha", Say(FOUR, latency=0.6)),
        there.model("said-beta", Say(FOUR, latency=1.4)),
    ]
    page = open_page(there.url)
    page.evaluate(
        """() => {
            window.heard = [];
            const region = document.getElementById("announcer");
            new MutationObserver(() => window.heard.push(region.textContent)).observe(region, { childList: true });
        }"""
    )
    page.get_by_role("textbox", name="Question").fill("What is 2 + 2?")
    page.locator(".panel > summary").press("Enter")
    for model in models:
        page.get_by_label("Find a model").fill(model)
        page.keyboard.press("Enter")
    page.keyboard.press("Control+Enter")
    answered(page)
    expect(page.locator("#announcer")).to_contain_text("The answer is there")
    heard = ". ".join(page.evaluate("window.heard")).split(". ")
    assert heard == ["said-alpha finished", "said-beta finished", "The answer is there"]
    live = page.locator("[aria-live], [role=status], [role=alert], [role=log]")
    assert live.count() == 1
