"""Models that try to take over the page: nothing runs, nothing loads, the layout holds."""

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import OpenPage, Watch
from tests.browser.steps import answered, ask, overflow, seat
from tests.browser.world import World
from tests.support.script import Say

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(90)]

ATTACK = """\
<script>window.pwned = 1</script> <img src=x onerror="window.pwned=2"> <svg onload="window.pwned=3"><use href="#x"/></svg>
<iframe srcdoc="<script>parent.pwned=4</script>"></iframe> <style>body { display: none }</style>
<form action="https://evil.invalid/"><input name=key autofocus onfocus="window.pwned=5"><button>Send</button></form>
<a href="https://evil.invalid/raw" onclick="window.pwned=6">raw link</a> <base href="https://evil.invalid/">
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=window.pwned=7&gt;">

![picture](https://evil.invalid/pixel.png) ![data](data:image/svg+xml,<svg/onload=alert(1)>) ![own](api/sessions)

[click me](javascript:window.pwned=8) [data](data:text/html,<script>window.pwned=9</script>)
[spaced](java&#10;script:window.pwned=10) <javascript:window.pwned=11> [here](vbscript:msgbox(1)) [rel](api/session/x)

[a harmless link](https://example.invalid/page?q=1)

`onmouseover` <details open ontoggle="window.pwned=12"> \u202egnihton\u202c \u2066\u2067 end of tricks
"""
CALM = "Nothing to see.\nCONCLUSION: 4"


def test_nothing_runs_and_nothing_loads(there: World, open_page: OpenPage, watch: Watch) -> None:
    attack = ATTACK + "\nCONCLUSION: <img src=x onerror=window.pwned=20>"
    models = [
        there.model("evil-a", Say(attack, hold_after="evil")),
        there.model("evil-b", attack),
        there.model("evil-c", CALM),
    ]
    page = open_page(there.url)
    ask(page, "What is 2 + 2? <img src=x onerror=window.pwned=30>", *models, mode="full_deliberation")
    expect(seat(page, 1)).to_contain_text("end of tricks")
    there.release("evil")
    answered(page)
    expect(seat(page, 0).locator(".rich a").first).to_be_attached()
    page.mouse.move(700, 500)
    page.wait_for_timeout(300)
    assert page.evaluate("window.pwned") is None
    inside = ".seat-text :is(script, img, svg:not(.icon), iframe, style, form, input, button, base, math, object, embed)"
    assert page.locator(inside).count() == 0
    text = seat(page, 1).inner_text()
    assert "<script>window.pwned = 1</script>" in text, "what a model wrote is shown as what it is"
    assert "[image: picture]" in text
    links = page.locator(".rich a")
    addresses = {links.nth(index).get_attribute("href") for index in range(links.count())}
    assert addresses == {"https://example.invalid/page?q=1"}
    assert {links.nth(index).get_attribute("rel") for index in range(links.count())} == {
        "noopener noreferrer nofollow"
    }
    assert page.locator("body").is_visible()
    assert overflow(page) == 0
    page.reload()
    answered(page)
    session = page.url.rpartition("/")[2]
    page.goto(there.url + "#/sessions")
    expect(page.locator("tbody tr").first).to_contain_text("onerror=window.pwned=30")
    page.goto(f"{there.url}#/compare?a={session}&b={session}")
    expect(page.locator(".pair .rich").nth(1)).to_contain_text("end of tricks")
    assert page.locator(".pair :is(script, img, iframe, style, form, input)").count() == 0
    assert overflow(page) == 0
    assert page.evaluate("window.pwned") is None
    assert not [url for url in watch.requests if "invalid" in url or url.endswith("/api/sessions")]


def test_a_link_asks_before_it_leads_anywhere(there: World, open_page: OpenPage) -> None:
    page = open_page(there.url)
    ask(
        page, "A link?", there.model("link-a", "See [our docs](https://example.invalid/real).\nCONCLUSION: 4")
    )
    answered(page).get_by_role("link", name="our docs").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("https://example.invalid/real")
    dialog.get_by_role("button", name="Stay here").click()
    expect(dialog).to_be_hidden()
    assert len(page.context.pages) == 1


@pytest.mark.parametrize("width", [1400, 375])
def test_a_line_of_a_megabyte(there: World, open_page: OpenPage, width: int) -> None:
    line = "x" * 999_986 + "\nCONCLUSION: 4"
    table = "| a |\n|-|\n| " + "y" * 3000 + " |\n\nCONCLUSION: 4"
    models = [there.model("wide-a", Say(line, piece=65_536, capped=False)), there.model("wide-b", table)]
    page = open_page(there.url, width=width)
    ask(page, "Say it in one line.", *models)
    answered(page)
    assert overflow(page) == 0
    button = seat(page, 0).get_by_role("button", name="Show all 1,000,000 characters")
    button.click()
    expect(button).to_be_hidden()
    assert seat(page, 0).locator(".seat-text").evaluate("node => node.textContent") == line
    assert overflow(page) == 0
    page.get_by_role("link", name="Quorum").click()
    expect(page.locator(".composer")).to_be_visible()


def test_a_markdown_bomb_does_not_stop_the_page(there: World, open_page: OpenPage) -> None:
    bomb = "[" * 20_000 + "*_" * 5_000 + ("> " * 2_000) + "\n" + "`" * 5_000 + "\nCONCLUSION: 4"
    page = open_page(there.url)
    ask(page, "A bomb?", there.model("bomb-a", Say(bomb, piece=8192)), there.model("bomb-b", CALM))
    answered(page)
    page.get_by_role("link", name="Quorum").click()
    expect(page.locator(".composer")).to_be_visible()
