"""What went wrong at a provider, as the error tree has it: one classification for all wires."""

import re
from collections.abc import Mapping

from quorum_mcp.errors import (
    BadProviderAnswer,
    ContentFiltered,
    ContextTooLong,
    ProviderAuth,
    ProviderError,
    ProviderModelMissing,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from quorum_mcp.providers.retry import retry_after

_CONTEXT = re.compile(
    r"(?i)context[_ ](length|window|size)|maximum context|prompt is too long|too many (input )?tokens"
    r"|input token count.*exceeds|input is too long|exceeds?.{0,40}(maximum|max).{0,20}(tokens|input length)"
)
_FILTER = re.compile(r"(?i)content[_ ](filter|policy|management)|moderation|data_inspection_failed|flagged")
_NO_CREDIT = re.compile(
    r"(?i)insufficient[_ ](quota|credit|balance|funds)|billing|credit balance|payment required"
)
_NO_MODEL = re.compile(
    r"(?i)model.{0,80}(not[_ ]found|does not exist|not supported|not exist|unknown)|no such model"
)
_BAD_KEY = re.compile(
    r"(?i)api[_ ]key.{0,20}(not valid|invalid|incorrect|expired|missing)|(invalid|incorrect).{0,10}api[_ ]key"
)

# The words that vendors use inside a body, for errors that come with status 200 or in a stream.
_STATUS_OF_KIND = {
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "permission_denied": 403,
    "unauthenticated": 401,
    "not_found_error": 404,
    "not_found": 404,
    "model_not_found": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "too_many_requests": 429,
    "resource_exhausted": 429,
    "billing_error": 402,
    "invalid_request_error": 400,
    "invalid_argument": 400,
    "failed_precondition": 400,
    "timeout_error": 408,
    "deadline_exceeded": 504,
    "api_error": 500,
    "server_error": 500,
    "internal_error": 500,
    "internal_server_error": 500,
    "internal": 500,
    "overloaded_error": 529,
    "unavailable": 503,
    "service_unavailable": 503,
}


def classify(
    status: int,
    headers: Mapping[str, str],
    message: str,
    *,
    kind: str = "",
    wait: float | None = None,
) -> ProviderError:
    """The typed error of a provider's refusal.

    Args:
        status: the HTTP status; 200 where the error came inside a successful answer or a stream.
        headers: names in lower case.
        message: what the provider wrote for people.
        kind: the provider's own word or number for the error.
        wait: seconds to wait as the body says; the headers are asked otherwise.
    """
    if status < 300:
        status = int(kind) if kind.isdigit() else _STATUS_OF_KIND.get(kind.lower(), status)
    where = f"HTTP {status}" if status >= 300 else "the answer says"
    text = f"{where}: {message or kind or 'no reason given'}"
    error, hint = _by_words(status, f"{kind} {message}") or _by_status(status)
    details = {"status": status} | ({"kind": kind} if kind else {})
    after = None
    if error.retryable and error is not BadProviderAnswer:
        after = (
            wait if wait is not None else retry_after(headers, message, limited=error is ProviderRateLimited)
        )
    return error(text, hint=hint, details=details, retry_after=after)


_Found = tuple[type[ProviderError], str | None]


def _by_words(status: int, said: str) -> _Found | None:
    """What the provider's words say where its status does not say enough."""
    if status >= 500 or status == 401:
        return None
    if status != 429 and _CONTEXT.search(said):
        return ContextTooLong, "shorten the prompt or use a model with a larger context"
    if status in (400, 403, 429) and _NO_CREDIT.search(said):
        return ProviderRefused, "the account has no credit left: see the provider's billing page"
    if status not in (404, 429) and _FILTER.search(said):
        return ContentFiltered, None
    if status == 400 and _BAD_KEY.search(said):
        return ProviderAuth, _CHECK_KEY
    if status in (400, 422) and _NO_MODEL.search(said):
        return ProviderModelMissing, _LIST_MODELS
    return None


def _by_status(status: int) -> _Found:
    if status >= 500:
        return ProviderUnavailable, None
    if status < 300:
        return BadProviderAnswer, None
    if status < 400:
        return ProviderRefused, "the base URL redirects: set it to where it leads"
    return _STATUSES.get(status, (ProviderRefused, None))


_CHECK_KEY = "check the provider's API key and what it may use"
_LIST_MODELS = "the provider does not have that model or path: `quorum models` lists what it has"
_STATUSES: dict[int, _Found] = {
    401: (ProviderAuth, _CHECK_KEY),
    402: (ProviderRefused, "the account has no credit left: see the provider's billing page"),
    403: (ProviderAuth, _CHECK_KEY),
    404: (ProviderModelMissing, _LIST_MODELS),
    408: (ProviderTimeout, None),
    413: (ContextTooLong, "shorten the prompt or use a model with a larger context"),
    429: (ProviderRateLimited, None),
}
