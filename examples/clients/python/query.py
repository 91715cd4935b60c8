"""A panel over REST: one question, one answer, and how far the models agree. Standard library only."""

import json
import os
import urllib.request

URL = os.environ.get("QUORUM_URL", "http://127.0.0.1:8000")
KEY = os.environ.get("QUORUM_API_KEY")

question = {"query": "What is 2 + 2?"}
if panel := os.environ.get("QUORUM_PANEL"):
    question["panel"] = panel.split(",")
request = urllib.request.Request(URL + "/api/query", json.dumps(question).encode())
request.add_header("content-type", "application/json")
if KEY:
    request.add_header("authorization", f"Bearer {KEY}")
with urllib.request.urlopen(request) as response:
    answer = json.load(response)

print(answer["consensus"])
print(f"agreement: {answer['agreement']}, confidence: {answer['confidence']}, cost: ${answer['total_cost']}")
for response in answer["provider_responses"]:
    print(f"  {response['provider']}/{response['model']}: {response['conclusion']}")
