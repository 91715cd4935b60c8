"""A tool over the bridge's WebSocket, its text as it is written."""

import json
import os

from websockets.sync.client import connect

KEY = os.environ.get("QUORUM_API_KEY")
MODEL = os.environ.get("QUORUM_MODEL", "quorum/quick")
HEADERS = {"authorization": f"Bearer {KEY}"} if KEY else {}

with connect(os.environ.get("QUORUM_SOCKET", "ws://127.0.0.1:8765/"), additional_headers=HEADERS) as socket:
    welcome = json.loads(socket.recv())
    print(f"{len(welcome['available_tools'])} tools, {len(welcome['models'])} models")
    asked = {"model": MODEL, "messages": [{"role": "user", "content": "What is 2 + 2?"}]}
    socket.send(json.dumps({"id": 1, "method": "generate", "params": asked, "stream": True}))
    while "success" not in (frame := json.loads(socket.recv())):
        print(frame["content"], end="", flush=True)
    print()
    print(frame["result"]["answer"] if frame["success"] else frame["error"]["message"])
