"""Searching the web from the page: asked for with a switch, refused before asking where nobody can, and cited."""

from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.browser.axe import looks
from tests.browser.conftest import OpenPage
from tests.browser.steps import answered, ask, choose, overflow, seat
from tests.browser.world import World, world
from tests.support.script import Say

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(60)]
FIRST, SECOND, THIRD = "https://a.example/1", "https://b.example/2?x=<y>", "https://c.example/3"
FOUR = "It is four.\nCONCLUSION: 4"


def test_what_the_models_cite_stands_beside_their_words(tmp_path: Path, open_page: OpenPage) -> None:
    with world(tmp_path, web_search="openrouter") as there:
        page = open_page(there.url)
        models = [
            there.model("cites", Say(FOUR, pages=(FIRST, SECOND))),
            there.model("cites-too", Say(FOUR, pages=(SECOND, "javascript:alert(1)"))),
        ]
        switch = page.get_by_role("button", name="Web search")
        expect(switch).to_have_attribute("aria-pressed", "false")
        switch.click()
        expect(switch).to_have_attribute("aria-pressed", "true")
        ask(page, "What is 2 + 2?", *models)
        answer = answered(page)
        links = answer.get_by_role("list", name="Sources").get_by_role("link")
        assert [link.get_attribute("href") for link in links.all()] == [FIRST, SECOND]
        expect(links.first).to_have_text("About 1")
        expect(answer).to_contain_text("b.example · cites · cites-too")
        said = seat(page, 1).get_by_role("list", name="Sources of lab/cites-too").get_by_role("link")
        expect(said).to_have_count(1)
        assert overflow(page) == 0
        page.reload()
        expect(links).to_have_count(2)
        looks(page)
        # What is asked next may search as well: the switch is here, too.
        page.get_by_role("button", name="Web search").click()
        there.model("cites", Say(FOUR, pages=(THIRD,)))
        page.get_by_label("Ask on in this session").fill("And then?")
        page.keyboard.press("Control+Enter")
        expect(page.locator(f'.answer a[href="{THIRD}"]')).to_be_visible()


def test_who_cannot_search_is_told_before_asking(there: World, open_page: OpenPage) -> None:
    page = open_page(there.url)
    choose(page, there.model("blind", FOUR))
    page.get_by_role("button", name="Web search").click()
    expect(page.locator(".estimate-problem")).to_contain_text("no web search of their own have: lab/blind")
