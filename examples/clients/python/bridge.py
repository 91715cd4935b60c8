"""Tools over the bridge's plain HTTP: one path per tool, on either port. Standard library only."""

import json
import os
import urllib.error
import urllib.request
from typing import Any

BRIDGE = os.environ.get("QUORUM_BRIDGE", "http://127.0.0.1:5050")
TOOLS = os.environ.get("QUORUM_TOOLS", "http://127.0.0.1:5002")
KEY = os.environ.get("QUORUM_API_KEY")
MODEL = os.environ.get("QUORUM_MODEL", "quorum/quick")


def call(url: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """A tool's answer: `success`, and `result` or `error`."""
    request = urllib.request.Request(url, json.dumps(parameters).encode())
    request.add_header("content-type", "application/json")
    if KEY:
        request.add_header("authorization", f"Bearer {KEY}")
    try:
        with urllib.request.urlopen(request) as response:
            return json.load(response)
    except urllib.error.HTTPError as refusal:
        return json.load(refusal)


asked = {"model": MODEL, "messages": [{"role": "user", "content": "What is 2 + 2?"}]}
print(call(BRIDGE + "/mcp/generate", asked)["result"]["answer"])
print(call(TOOLS + "/tools/generate", {"params": asked})["result"]["answer"])
refused = call(TOOLS + "/tools/generat", {})
print(f"{refused['error']['message']}; {refused['error']['hint']}")
