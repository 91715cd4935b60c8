"""The stages of the pipeline that hold state: rates and the cache."""

import time

from quorum_mcp.answers import Answer, Usage
from quorum_mcp.calls.cache import Cache
from quorum_mcp.calls.call import Call
from quorum_mcp.calls.limits import Rate
from quorum_mcp.config.settings import CacheSettings
from quorum_mcp.messages import ModelRequest, Text, message
from quorum_mcp.providers.registry import Target


def test_both_buckets_are_taken_or_neither() -> None:
    rate = Rate(60, 100)
    assert rate.take(90) == 0.0
    assert rate.take(50) > 20  # 40 tokens are missing, at 100 a minute
    assert rate.left() == (59, 10)


def test_more_than_the_bucket_takes_all_of_it() -> None:
    rate = Rate(60, 100)
    assert rate.take(1_000) == 0.0
    assert rate.left()[1] == 0


def test_a_debt_is_paid_by_waiting() -> None:
    rate = Rate(60, 100)
    rate.take(10)
    rate.correct(10, 150)
    assert rate.left() == (59, 0)
    assert rate.take(10) > 30


class Named:
    name, kind = "lab", "remote"


TARGET = Target(Named(), "alpha")  # type: ignore[arg-type]
ANSWER = Answer((Text("4"),), "stop", Usage(1, 1), "alpha")


def call(temperature: float | None = 0.2, text: str = "2+2?", **changes: object) -> Call:
    request = ModelRequest("", (message("user", text),), temperature=temperature)
    return Call(model="lab/alpha", request=request, deadline=time.monotonic() + 9, **changes)  # type: ignore[arg-type]


def test_only_the_exact_repeat_of_the_same_tenant_is_a_hit() -> None:
    cache = Cache(CacheSettings())
    cache.put(cache.key(call(), TARGET), ANSWER)
    assert cache.get(cache.key(call(), TARGET)) == ANSWER
    for other in (call(0.3), call(text="2+2 ?"), call(tenant="other")):
        assert cache.get(cache.key(other, TARGET)) is None


def test_what_may_not_be_kept_has_no_key() -> None:
    cache = Cache(CacheSettings())
    for refused in (call(None), call(0.8), call(surface="consensus")):
        assert cache.key(refused, TARGET) is None
    assert Cache(CacheSettings(backend="off")).key(call(), TARGET) is None


def test_old_and_cut_answers_are_not_given() -> None:
    cache = Cache(CacheSettings(ttl_seconds=0.01))
    key = cache.key(call(), TARGET)
    cache.put(key, ANSWER)
    time.sleep(0.02)
    assert cache.get(key) is None
    cache.put(key, Answer((), "content_filter", Usage(), "alpha"))
    assert cache.get(key) is None
