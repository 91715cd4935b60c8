"""A guardrail for Quorum: requests with secrets are blocked, e-mail addresses never reach or leave a model.

Python's standard library only. Start it, and name it in quorum.yaml:

    python secrets_and_addresses.py --port 9200

    guardrails:
    - {url: "http://127.0.0.1:9200/", allow_private: true, name: secrets and addresses}

With GUARDRAIL_SECRET set it answers signed requests only (`secret_env: GUARDRAIL_SECRET` on Quorum's side).
"""

import argparse
import contextlib
import hashlib
import hmac
import json
import os
import re
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRETS = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "an access key of AWS": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a token of GitHub": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
    "an API key": re.compile(r"\b(?:sk|qk|pk)[-_][A-Za-z0-9_-]{20,80}"),
}
ADDRESS = re.compile(r"\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,60}\.[A-Za-z]{2,20}\b")
FRESH_SECONDS = 300


def judge(question: dict[str, Any]) -> dict[str, Any]:
    """The verdict on one question of Quorum's."""
    texts = [one["text"] for one in question["texts"]]
    if question["stage"] == "before":
        for name, pattern in SECRETS.items():
            if any(pattern.search(text) for text in texts):
                return {"action": "block", "reason": f"there is {name} in it"}
    cleaned = [clean(text) for text in texts]
    if cleaned == texts:
        return {"action": "allow"}
    return {"action": "rewrite", "texts": cleaned, "reason": "personal data or a secret was taken out"}


def clean(text: str) -> str:
    """The text without addresses and secrets; what is clean already stays as it is."""
    text = ADDRESS.sub("[e-mail address]", text)
    for pattern in SECRETS.values():
        text = pattern.sub("[secret]", text)
    return text


def is_genuine(secret: str, header: str, body: bytes) -> bool:
    """Whether the signature is of this body, by who knows the secret, and fresh."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    signed = parts.get("t", "").encode() + b"." + body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    fresh = parts.get("t", "").isdigit() and abs(time.time() - int(parts["t"])) < FRESH_SECONDS
    return fresh and hmac.compare_digest(expected, parts.get("v1", ""))


class Hook(BaseHTTPRequestHandler):
    """Answers Quorum's questions, over connections that stay open."""

    protocol_version = "HTTP/1.1"
    secret = os.environ.get("GUARDRAIL_SECRET")

    def do_POST(self) -> None:
        """One question."""
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.secret and not is_genuine(self.secret, self.headers.get("x-quorum-signature", ""), body):
            self.answer(401, {"error": "the signature is wrong or missing"})
        else:
            self.answer(200, judge(json.loads(body)))

    def answer(self, status: int, value: dict[str, Any]) -> None:
        """Send JSON."""
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Keep quiet: what is asked may hold what must not be logged."""


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="A guardrail for Quorum.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9200, help="0: any free one")
    given = parser.parse_args()
    server = ThreadingHTTPServer((given.host, given.port), Hook)
    print(f"http://{given.host}:{server.server_port}/", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
