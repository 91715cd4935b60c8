"""Every error that Quorum answers with: one tree, and the one table that every surface reads.

QuorumError
├── InvalidInput          invalid_input         422, exit 2
│   └── Malformed         invalid_input         400, exit 2   (not JSON at all)
│       └── TooLarge      invalid_input         413, exit 2
├── Unsupported           unsupported           400, exit 2
├── ConfigError           config_error          500, exit 2
├── Unauthenticated       unauthenticated       401, exit 7
├── Forbidden             forbidden             403, exit 7
│   ├── ApprovalRequired  approval_required     403, exit 7
│   └── Blocked           guardrail_blocked     403, exit 7
├── NotFound              not_found             404, exit 6
│   └── ModelNotFound     model_not_found       404, exit 6
├── Conflict              conflict              409, exit 6
├── BudgetExceeded        budget_exceeded       402, exit 5
├── RateLimited           rate_limited          429, exit 5   retry after
│   └── QueueFull         queue_full            429, exit 5   retry after
├── NoConsensus           no_consensus          409, exit 3
├── DeadlineExceeded      deadline_exceeded     504, exit 4
├── Cancelled             cancelled             499, exit 130
├── StoreUnavailable      store_unavailable     503, exit 4   retry after
├── GuardrailUnavailable  guardrail_unavailable 503, exit 4   retry after
├── ServerUnavailable     server_unavailable    503, exit 4   retry after   (clients only: no server answers)
└── ProviderError         provider_error        502, exit 4
    ├── ProviderAuth         provider_auth          502   no retry
    ├── ProviderRateLimited  provider_rate_limited  502   retry after
    ├── ProviderTimeout      provider_timeout       504   retry
    ├── ProviderUnavailable  provider_unavailable   502   retry
    ├── ProviderRefused      provider_refused       502   no retry   (a 4xx: our request was wrong for it)
    ├── ContextTooLong       provider_context_too_long     413   no retry
    ├── ContentFiltered      provider_content_filtered     502   no retry
    └── BadProviderAnswer    provider_bad_answer           502   retry
"""

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from quorum_mcp.answers import ProviderLimits


class QuorumError(Exception):
    """Base of every error a caller may see: what happened, and `hint`: what to do next."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False
    challenge: str | None = None
    """How HTTP tells the caller to sign in (`WWW-Authenticate`)."""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        provider: str | None = None,
        model: str | None = None,
        retry_after: float | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.provider = provider
        self.model = model
        self.retry_after = retry_after
        self.details = details or {}
        self.request_id: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The body of the error as every JSON surface shows it (without the `error` wrapper)."""
        details = dict(self.details)
        for name in ("provider", "model", "retry_after"):
            if (value := getattr(self, name)) is not None:
                details[name] = value
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "details": details,
            "request_id": self.request_id,
        }


class InvalidInput(QuorumError):
    """The request is well-formed but a value in it cannot be used."""

    code, status, exit_code = "invalid_input", 422, 2


class Malformed(InvalidInput):
    """The request cannot be read at all: not JSON, not UTF-8, not an object."""

    status = 400


class TooLarge(Malformed):
    """More than is read."""

    status = 413


class Unsupported(QuorumError):
    """The model, wire or surface cannot do what was asked; nothing was dropped silently."""

    code, status, exit_code = "unsupported", 400, 2


class ConfigError(QuorumError):
    """The configuration is wrong; the message names the file, line and key where it can."""

    code, status, exit_code = "config_error", 500, 2


class Unauthenticated(QuorumError):
    """No key, or a key that is not known."""

    code, status, exit_code = "unauthenticated", 401, 7
    challenge = "Bearer"


class Forbidden(QuorumError):
    """The caller is known and may not do this."""

    code, status, exit_code = "forbidden", 403, 7


class ApprovalRequired(Forbidden):
    """The operation needs an approved plan first."""

    code = "approval_required"


class Blocked(Forbidden):
    """A guardrail of the operator's refused the request, or withheld the answer."""

    code = "guardrail_blocked"


class NotFound(QuorumError):
    """The named thing does not exist (or is not the caller's)."""

    code, status, exit_code = "not_found", 404, 6


class ModelNotFound(NotFound):
    """The named provider, model or panel is not configured; the hint names the nearest one."""

    code = "model_not_found"


class Conflict(QuorumError):
    """The request contradicts what is stored: a used idempotency key, a session that is still running."""

    code, status, exit_code = "conflict", 409, 6


class BudgetExceeded(QuorumError):
    """The worst case of the request does not fit what may be spent."""

    code, status, exit_code = "budget_exceeded", 402, 5


class RateLimited(QuorumError):
    """A limit of ours is reached; `retry_after` seconds say when to come back."""

    code, status, exit_code, retryable = "rate_limited", 429, 5, True


class QueueFull(RateLimited):
    """The provider's queue is full."""

    code = "queue_full"


class NoConsensus(QuorumError):
    """The panel did not agree and the caller asked to require that it does."""

    code, status, exit_code = "no_consensus", 409, 3


class DeadlineExceeded(QuorumError):
    """The time that the caller gave is over."""

    code, status, exit_code = "deadline_exceeded", 504, 4


class Cancelled(QuorumError):
    """The run or call was cancelled."""

    code, status, exit_code = "cancelled", 499, 130


class StoreUnavailable(QuorumError):
    """The database or the journal cannot be written; nothing was sent to a provider."""

    code, status, exit_code, retryable = "store_unavailable", 503, 4, True


class GuardrailUnavailable(QuorumError):
    """A guardrail that has to be asked gave no verdict, so nothing is passed on."""

    code, status, exit_code, retryable = "guardrail_unavailable", 503, 4, True


class ServerUnavailable(QuorumError):
    """A client's server cannot be reached, or what answers there is not Quorum."""

    code, status, exit_code, retryable = "server_unavailable", 503, 4, True


class ProviderError(QuorumError):
    """A provider failed; the subclasses say how. `limits`: what it told of its own limits with that."""

    code, status, exit_code = "provider_error", 502, 4
    limits: "ProviderLimits | None" = None


class ProviderAuth(ProviderError):
    """The provider refused our credentials."""

    code = "provider_auth"


class ProviderRateLimited(ProviderError):
    """The provider limits us; `retry_after` is what it said, if it did."""

    code, retryable = "provider_rate_limited", True


class ProviderTimeout(ProviderError):
    """The provider did not connect, start or go on within the time allowed."""

    code, status, retryable = "provider_timeout", 504, True


class ProviderUnavailable(ProviderError):
    """The provider cannot be reached, or answered 5xx."""

    code, retryable = "provider_unavailable", True


class ProviderRefused(ProviderError):
    """The provider refused the request itself (a 4xx that is none of the others)."""

    code = "provider_refused"


class ProviderModelMissing(ProviderRefused):
    """The provider has no such model, or no such path."""

    code, status, exit_code = "provider_model_missing", 404, 6


class ContextTooLong(ProviderError):
    """The prompt does not fit the model's context window."""

    code, status = "provider_context_too_long", 413


class ContentFiltered(ProviderError):
    """The provider's filter withheld the answer."""

    code = "provider_content_filtered"


class BadProviderAnswer(ProviderError):
    """The answer cannot be used: malformed, cut, empty or unreadable."""

    code, retryable = "provider_bad_answer", True


def revive(body: dict[str, Any]) -> QuorumError:
    """The error that `to_dict` wrote down, as an exception of its class again."""
    details = dict(body.get("details") or {})
    kind = _by_code(QuorumError).get(str(body.get("code")), QuorumError)
    error = kind(
        str(body.get("message", "unknown error")),
        hint=body.get("hint"),
        provider=details.pop("provider", None),
        model=details.pop("model", None),
        retry_after=details.pop("retry_after", None),
        details=details,
    )
    error.request_id = body.get("request_id")
    return error


def _by_code(root: type[QuorumError]) -> dict[str, type[QuorumError]]:
    found: dict[str, type[QuorumError]] = {}
    for kind in root.__subclasses__():
        found |= _by_code(kind)
    return found | {root.code: root}
