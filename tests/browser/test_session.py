"""Asking in a real browser: live, reloaded, stopped, failed, followed up."""

import json
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import OpenPage
from tests.browser.steps import answered, ask, seat
from tests.browser.world import World
from tests.support.script import Say

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(60)]
NAMES = ("alpha", "beta", "gamma")


def sentinel(name: str) -> str:
    return f"SENTINEL-{name.upper()}-7391"


def told(name: str, conclusion: str = "4") -> str:
    """What a model says: its own sentinel in both halves, letters of every kind, a conclusion."""
    half = f"{sentinel(name)} says — naïve 🦉🧭 日本語.\nA second line, *with* `signs`.\n"
    return half * 3 + f"Once more {sentinel(name)}.\nCONCLUSION: {conclusion}"


def stored(there: World, page_url: str) -> dict[str, Any]:
    session = page_url.rpartition("/")[2]
    with urllib.request.urlopen(f"{there.url}api/session/{session}", timeout=5) as answer:
        return json.load(answer)


def panel(there: World, test: str, **options: Any) -> list[str]:
    return [there.model(f"{test}-{name}", Say(told(name), **options)) for name in NAMES]


def only_own(page: Any) -> None:
    """Every sentinel stands in its own panel and in no other's."""
    for index, name in enumerate(NAMES):
        text = seat(page, index).inner_text()
        assert sentinel(name) in text
        assert not any(sentinel(other) in text for other in NAMES if other != name)


def test_seats_stream_side_by_side_and_end_in_an_answer(there: World, open_page: OpenPage) -> None:
    models = panel(there, "live", hold_after="live")
    page = open_page(there.url)
    ask(page, "What is 2 + 2?", *models, mode="full_deliberation")
    for index, name in enumerate(NAMES):
        expect(seat(page, index)).to_contain_text(sentinel(name))
    only_own(page)
    expect(page.get_by_role("region", name="The run")).to_contain_text("0/3")
    there.release("live")
    answer = answered(page)
    expect(answer).to_contain_text("They agree")
    expect(answer.locator(".conclusion")).to_have_text("4")
    expect(answer).to_contain_text("3 of the 3 seats that were asked came to this, each on its own")
    expect(answer).to_contain_text("not a probability")
    expect(answer.locator(".facts")).to_contain_text("$0.0")
    expect(seat(page, 2).locator(".rich em").first).to_have_text("with")
    only_own(page)
    page.reload()
    answered(page)
    only_own(page)
    expect(page.locator("#announcer")).to_be_empty()


def test_a_reload_in_the_middle_takes_up_the_same_text(there: World, open_page: OpenPage) -> None:
    models = panel(there, "again", hold_after="again")
    page = open_page(there.url)
    ask(page, "What is two and two?", *models, mode="full_deliberation")
    for index, name in enumerate(NAMES):
        expect(seat(page, index)).to_contain_text(sentinel(name))
    page.reload()
    for index, name in enumerate(NAMES):
        expect(seat(page, index)).to_contain_text(sentinel(name))
        live = seat(page, index).locator(".stream").evaluate("node => node.textContent")
        assert told(name).startswith(live)
        assert len(live) > 100
    only_own(page)
    there.release("again")
    answered(page)
    only_own(page)
    said = {r["member"]: r["content"] for r in stored(there, page.url)["provider_responses"]}
    assert said == {model: told(name) for model, name in zip(models, NAMES, strict=True)}


def test_broken_connections_lose_nothing_and_repeat_nothing(there: World, open_page: OpenPage) -> None:
    text = " ".join(f"word{number} 🦉" for number in range(600)) + "\nCONCLUSION: 4"
    models = [there.model(f"cut-{name}", Say(text, drip=0.02, piece=40, hold_after="cut")) for name in "ab"]
    page = open_page(there.proxy.url)
    ask(page, "Say many words.", *models, mode="full_deliberation")
    first = seat(page, 0).locator(".stream")
    for cuts in range(1, 6):
        expect(first).to_contain_text(f"word{cuts * 15} ")
        there.loop.call_soon_threadsafe(there.proxy.cut)
        page.wait_for_timeout(300)
        assert text.startswith(first.evaluate("node => node.textContent"))
    assert there.proxy.event_streams >= 3
    there.release("cut")
    answered(page)
    for index in (0, 1):
        shown = seat(page, index).locator(".rich").evaluate("node => node.textContent")
        assert "".join(shown.split()) == "".join(text.split())


def test_a_proxy_with_a_path_of_its_own(there: World, open_page: OpenPage) -> None:
    page = open_page(there.proxy.url)
    ask(page, "What is 2 + 2?", *panel(there, "path"))
    answered(page)
    page.get_by_role("link", name="Ask", exact=True).click()
    expect(page.locator(".sessions .session-title").first).to_have_text("What is 2 + 2?")
    assert page.url.startswith(there.proxy.url)


def test_stop_ends_the_run_and_its_calls(there: World, open_page: OpenPage) -> None:
    models = panel(there, "stop", hold_after="never")
    page = open_page(there.url)
    ask(page, "What is 2 + 2?", *models, mode="full_deliberation")
    expect(seat(page, 2)).to_contain_text(sentinel("gamma"))
    page.locator(".stop").click()
    expect(page.locator(".ending")).to_contain_text("stopped")
    only_own(page)
    assert stored(there, page.url)["status"] == "cancelled"
    for _ in range(20):
        if not [one for one in there.up.open if one.model.startswith("stop-")]:
            break
        page.wait_for_timeout(50)
    assert not [one for one in there.up.open if one.model.startswith("stop-")]


def test_one_seat_can_be_stopped(there: World, open_page: OpenPage) -> None:
    models = [
        there.model("one-a", told("alpha")),
        there.model("one-b", told("beta")),
        there.model("one-c", Say(told("gamma"), hold_after="never")),
    ]
    page = open_page(there.url)
    ask(page, "What is 2 + 2?", *models, mode="full_deliberation")
    expect(seat(page, 2)).to_contain_text(sentinel("gamma"))
    page.get_by_role("button", name="Stop lab/one-c").click()
    answer = answered(page)
    expect(answer).to_contain_text("They agree")
    expect(page.locator(".notice-degraded")).to_contain_text("lab/one-c failed")


def test_dissent_stands_there_word_for_word(there: World, open_page: OpenPage) -> None:
    dissenting = "I beg to *differ*,\nfor   reasons  of my own.\nCONCLUSION: 5"
    models = [
        there.model("dis-a", told("alpha")),
        there.model("dis-b", dissenting),
        there.model("dis-c", told("gamma")),
    ]
    page = open_page(there.url)
    ask(page, "What is 2 + 2?", *models)
    answer = answered(page)
    expect(answer).to_contain_text("They disagree")
    assert answer.locator(".dissent blockquote").evaluate("node => node.textContent") == dissenting
    parts = answer.locator(".strip-part")
    expect(parts).to_have_count(2)
    parts.nth(1).click()
    expect(answer.locator(".sentences:visible")).to_contain_text("reasons of my own", use_inner_text=True)
    expect(parts.nth(1)).to_have_attribute("aria-expanded", "true")


def test_failed_seats_show_their_own_error(there: World, open_page: OpenPage) -> None:
    models = [
        there.model("bad-a", Say(fail="error")),
        there.model("bad-b", Say(fail="auth")),
        there.model("bad-c", told("gamma")),
    ]
    page = open_page(there.url)
    ask(page, "What is 2 + 2?", *models, mode="full_deliberation")
    answered(page)
    expect(page.locator(".notice-degraded")).to_contain_text("Degraded")
    expect(seat(page, 0).locator(".error")).to_contain_text("upstream failed")
    expect(seat(page, 0).locator(".error")).to_contain_text("provider_unavailable · lab · bad-a")
    expect(seat(page, 1).locator(".error")).to_contain_text("Incorrect API key provided")


def test_a_run_that_failed_says_why(there: World, open_page: OpenPage) -> None:
    page = open_page(there.url)
    ask(page, "What is 2 + 2?", there.model("all-a", Say(fail="auth")))
    expect(page.locator(".turn > .column > .error")).to_contain_text("Incorrect API key provided")


def test_a_refused_question_stays_and_says_why(there: World, open_page: OpenPage) -> None:
    page = open_page(there.url)
    page.get_by_label("Question").fill("What is 2 + 2?")
    page.locator(".panel > summary").click()
    page.get_by_label("Find a model").fill("lob/alpha")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator(".composer .error")).to_contain_text("lob")
    expect(page.get_by_label("Question")).to_have_value("What is 2 + 2?")


def test_built_in_solvers_are_named_as_such(there: World, open_page: OpenPage) -> None:
    page = open_page(there.url)
    ask(page, "What is 17% of 2,340?", "builtin/arithmetic")
    expect(answered(page).locator(".conclusion")).to_contain_text("397.8")
    expect(page.locator(".notice-builtin")).to_contain_text("no language models")
    expect(seat(page, 0)).to_contain_text("built-in solver")


def test_a_second_question_goes_on_in_the_session(there: World, open_page: OpenPage) -> None:
    models = [there.model(f"on-{name}", [told(name), told(name, "8")]) for name in NAMES]
    page = open_page(there.url)
    ask(page, "What is 2 + 2?", *models, mode="full_deliberation")
    answered(page)
    page.get_by_label("Ask on in this session").fill("And twice that?")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".turn")).to_have_count(2)
    expect(page.locator(".turn").nth(1).locator(".conclusion")).to_have_text("8")
    page.reload()
    expect(page.locator(".turn").nth(1).locator(".conclusion")).to_have_text("8")
    expect(page.locator(".turn").nth(0).locator(".conclusion")).to_have_text("4")


def test_a_running_session_is_found_in_the_list(there: World, open_page: OpenPage) -> None:
    models = panel(there, "list", hold_after="list")
    page = open_page(there.url)
    ask(page, "A question for the list?", *models, mode="full_deliberation")
    other = open_page(there.url)
    row = other.get_by_role("link", name="A question for the list?")
    expect(row).to_contain_text("running")
    row.click()
    expect(seat(other, 1)).to_contain_text(sentinel("beta"))
    there.release("list")
    answered(other)
    answered(page)


def test_closing_the_tab_stops_nothing(there: World, open_page: OpenPage) -> None:
    models = panel(there, "tab", hold_after="tab")
    page = open_page(there.url)
    ask(page, "A question whose tab is closed?", *models, mode="full_deliberation")
    expect(seat(page, 2)).to_contain_text(sentinel("gamma"))
    url = page.url
    page.close()
    assert stored(there, url)["status"] == "running"
    there.release("tab")
    again = open_page(url)
    answered(again)
    only_own(again)
    assert [there.up.count(model.partition("/")[2]) for model in models] == [1, 1, 1]


def test_an_unknown_session(there: World, open_page: OpenPage) -> None:
    page = open_page(there.url + "#/session/ses_nothing")
    expect(page.locator(".error")).to_contain_text("there is no session ses_nothing")
