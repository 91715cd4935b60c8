"""Five seats that write 100 tokens a second each: the page keeps up, and does not drown in its own document."""

import json
import time
import urllib.request

import pytest
from playwright.sync_api import CDPSession, Page, expect
from tests.browser.conftest import OpenPage
from tests.browser.steps import answered, ask, seat
from tests.browser.world import World
from tests.support.script import Say

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(90)]
SEATS, TOKENS, PAUSE = 5, 2000, 0.01
CPU_SECONDS, NODES = 5.0, 15_000
BEHIND_SECONDS = 1.0
SLACK = 3
"""The whole suite runs beside it: the time by the clock may be this much longer."""


def written(name: str) -> str:
    """2,000 words of four characters and a blank, in paragraphs with lists and code as models write them."""
    words = [f"{name}{number:03d}"[:4] + " " for number in range(TOKENS - 3)]
    for at in range(40, len(words), 40):
        words[at] = ["\n\n- a", "\n\n**b", "** c\n", "\n\n`d` "][at // 40 % 4]
    return "".join(words) + "END\nCONCLUSION: 4"


GROWING = (
    """# A *title*

- one

- two
  with more

```
code

**code**
```

An *end* that is"""
    + " long" * 40
    + """.

| a | b |
|---|---|
| 1 | 2 |

CONCLUSION: 4"""
)


def test_blocks_are_parsed_once_and_stay(there: World, open_page: OpenPage) -> None:
    model = there.model("grow-a", Say(GROWING, piece=3, hold_after="grow"))
    page = open_page(there.url)
    ask(page, "Write in blocks.", model, mode="full_deliberation")
    text = seat(page, 0).locator(".rich")
    expect(text.locator("pre")).to_have_text("code\n\n**code**\n")
    expect(text.locator("li")).to_have_count(2)
    tail = text.locator(".stream")
    expect(tail).to_contain_text("An *end*")
    title = text.locator("h3")
    title.evaluate("node => { node.dataset.kept = 'yes' }")
    there.release("grow")
    answered(page)
    expect(text.locator("td")).to_have_count(2)
    expect(tail).to_have_count(0)
    expect(title).to_have_attribute("data-kept", "yes")
    title.evaluate("node => { delete node.dataset.kept }")
    live = text.evaluate("node => node.innerHTML")
    page.reload()
    answered(page)
    expect(text.locator("td")).to_have_count(2)
    assert text.evaluate("node => node.innerHTML") == live


def measure(cdp: CDPSession) -> dict[str, float]:
    return {one["name"]: one["value"] for one in cdp.send("Performance.getMetrics")["metrics"]}


def finished_at(page: Page, there: World) -> float:
    session = page.url.rpartition("/")[2]
    with urllib.request.urlopen(f"{there.url}api/session/{session}", timeout=5) as answer:
        moment = json.load(answer)["finished_at"]
    return page.evaluate("moment => Date.parse(moment) / 1000", moment)


def test_five_seats_of_two_thousand_tokens(there: World, open_page: OpenPage) -> None:
    models = [
        there.model(f"fast-{n}", Say(written(n), piece=5, drip=PAUSE, capped=False)) for n in "abcde"[:SEATS]
    ]
    page = open_page(there.url)
    ask(page, "Write a lot.", *models, mode="full_deliberation")
    cdp = page.context.new_cdp_session(page)
    cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = measure(cdp)
    page.get_by_role("region", name="The answer").wait_for(timeout=60_000)
    seen = time.time()
    for index in range(SEATS):
        expect(seat(page, index).locator(".rich")).to_contain_text("END")
    after = measure(cdp)
    used = {
        "cpu_seconds": round(after["TaskDuration"] - before["TaskDuration"], 2),
        "nodes": int(after["Nodes"]),
        "behind_seconds": round(seen - finished_at(page, there), 2),
    }
    print(used)
    assert used["cpu_seconds"] <= CPU_SECONDS, used
    assert used["nodes"] <= NODES, used
    assert used["behind_seconds"] <= BEHIND_SECONDS * SLACK, used
    answered(page)
