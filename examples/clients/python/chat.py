"""Any client of OpenAI's API: only the base URL is another one."""

import os

from openai import OpenAI

MODEL = os.environ.get("QUORUM_MODEL", "quorum/quick")
ASKED = [{"role": "user", "content": "What is 2 + 2?"}]

client = OpenAI(
    base_url=os.environ.get("QUORUM_URL", "http://127.0.0.1:8000") + "/v1",
    api_key=os.environ.get("QUORUM_API_KEY", "none needed on this machine"),
)

answer = client.chat.completions.create(model=MODEL, messages=ASKED)
print(answer.choices[0].message.content)

for chunk in client.chat.completions.create(model=MODEL, messages=ASKED, stream=True):
    if chunk.choices and chunk.choices[0].delta.content:
        print(chunk.choices[0].delta.content, end="", flush=True)
print()
