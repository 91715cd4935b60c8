"""The signature of a message to a webhook, by which its receiver knows who sent it, and that it is fresh."""

import hashlib
import hmac

HEADER = "X-Quorum-Signature"


def sign(secret: str, body: str, at: int) -> str:
    """The header's value: `t` is Unix seconds, `v1` the HMAC-SHA256 of `t`, a dot and the body, in hexadecimal."""
    digest = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
