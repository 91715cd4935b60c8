"""What every judged body and stream has to pass."""

from typing import Any

from tests.conformance.published import Document, open_responses, openai
from tests.conformance.replay import slug
from tests.conformance.wire_answers import Case

DISPUTED = ("usage", "prompt_cache_key", "safety_identifier")
"""Open Responses wants these fields in every response, null where there is nothing to say (and a format's
`description`), as in the examples of OpenAI's document, whose schemas know no null there."""


def judged(document: Document, schema: str, body: Any) -> None:
    """Fails with what is wrong."""
    wrong = document.wrong(schema, body) if isinstance(body, dict) else ["no object"]
    assert not wrong, (wrong, body)


def response_judged(body: dict[str, Any]) -> None:
    """A response, by both documents."""
    judged(openai(), "Response", _settled(body))
    judged(open_responses(), "ResponseResource", body)


def event_judged(event: dict[str, Any]) -> None:
    """An event of a response's stream, by both documents."""
    told = event | {"response": _settled(event["response"])} if "response" in event else event
    wrong = [*openai().one_of("ResponseStreamEvent", told), *open_responses().one_of("StreamEvent", event)]
    assert not wrong, (wrong, event)


def ordered(events: list[dict[str, Any]]) -> None:
    """Numbers without a gap; every item and part is added, filled and done, and is in the end as its pieces were."""
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    output = events[-1]["response"]["output"]
    begun: dict[int, list[str]] = {}
    for event in events[2:-1]:
        begun.setdefault(event["output_index"], []).append(event["type"])
    assert sorted(begun) == list(range(len(output)))
    for index, kinds in begun.items():
        assert (kinds[0], kinds[-1]) == ("response.output_item.added", "response.output_item.done")
        pieces = [e for e in events if e.get("output_index") == index and e["type"].endswith(".delta")]
        assert "".join(piece["delta"] for piece in pieces) == _said(output[index])
        assert {piece["item_id"] for piece in pieces} <= {output[index]["id"]}


def named(case: Case) -> str:
    """The model of a recorded answer."""
    return f"{case.wire}{'-failing' if case.error else ''}/{slug(case)}"


def _said(item: dict[str, Any]) -> str:
    if item["type"] == "message":
        return item["content"][0]["text"]
    return item["summary"][0]["text"] if item["type"] == "reasoning" else item["arguments"]


def _settled(body: dict[str, Any]) -> dict[str, Any]:
    """The response without the disputed nulls."""
    kept = {name: value for name, value in body.items() if name not in DISPUTED or value is not None}
    form = {name: value for name, value in body["text"]["format"].items() if value is not None}
    return kept | {"text": body["text"] | {"format": form}}
