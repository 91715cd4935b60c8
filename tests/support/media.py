"""What the scripted upstream answers to tasks: images, speech, transcriptions, moderations, in OpenAI's shapes."""

import json
from typing import Any

from tests.support.http1 import Request

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
CATEGORIES = (
    "hate", "hate/threatening", "harassment", "harassment/threatening", "illicit", "illicit/violent", "self-harm",
    "self-harm/intent", "self-harm/instructions", "sexual", "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip
SOUND = b"ID3" + bytes(range(256))


def wav(seconds: float = 1.0) -> bytes:
    """Silence as a file, 8,000 bytes a second."""
    data = bytes([128]) * int(8000 * seconds)
    form = bytes.fromhex("01000100401f0000401f000001000800")
    return (
        b"RIFF" + (36 + len(data)).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little") + form
        + b"data" + len(data).to_bytes(4, "little") + data
    )  # fmt: skip


def task_answer(request: Request) -> tuple[bytes, str] | None:
    """The body and its media type, None where the path is no task's."""
    path = request.path
    if path.endswith("/images/generations"):
        return _json(_images(request.json))
    if path.endswith("/audio/speech"):
        kinds = {
            "wav": "audio/wav",
            "pcm": "audio/pcm",
            "opus": "audio/ogg",
            "aac": "audio/aac",
            "flac": "audio/flac",
        }
        kind = kinds.get(request.json.get("response_format"), "audio/mpeg")
        return SOUND * max(1, len(request.json["input"]) // 20), kind
    if path.endswith("/audio/transcriptions"):
        return _transcript(request.body)
    if path.endswith("/moderations"):
        return _json(_moderation(request.json))
    return None


def _json(value: Any) -> tuple[bytes, str]:
    return json.dumps(value).encode(), "application/json"


def _images(given: dict[str, Any]) -> dict[str, Any]:
    row = {"b64_json": PIXEL}
    if given.get("response_format") == "url" or given["model"] == "hosted":
        row = {"url": "https://pictures.example/1.png"}
    usage = {
        "input_tokens": 10, "output_tokens": 200, "total_tokens": 210,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 0},
    }  # fmt: skip
    rows = [row | {"revised_prompt": f"{given['prompt']}, in oil"}] * given.get("n", 1)
    return {
        "created": 1,
        "data": rows,
        "usage": usage,
        "quality": given.get("quality", "low"),
        "size": "1024x1024",
    }


def _transcript(body: bytes) -> tuple[bytes, str]:
    if b"\r\n\r\nsrt\r\n" in body:
        return b"1\n00:00:00,000 --> 00:00:01,000\nTwo and two.\n", "text/plain"
    said: dict[str, Any] = {"text": "Two and two."}
    if b"\r\n\r\nwhisper\r\n" in body:
        said["usage"] = {"type": "duration", "seconds": 60}
    else:
        counts = {"input_tokens": 20, "output_tokens": 5, "total_tokens": 25}
        said["usage"] = {
            "type": "tokens",
            **counts,
            "input_token_details": {"text_tokens": 0, "audio_tokens": 20},
        }
    if b"\r\n\r\nverbose_json\r\n" in body:
        said |= {"language": "english", "duration": 1.0, "segments": [], "words": []}
    if b"\r\n\r\nlogprobs\r\n" in body:
        said["logprobs"] = [{"token": "Two and two.", "logprob": -0.5, "bytes": [84]}]
    if b"\r\n\r\ndiarized_json\r\n" in body:
        texts = {"A": "Two and", "B": " two."}
        said |= {"task": "transcribe", "duration": 1.0, "segments": [
            {"type": "transcript.text.segment", "id": f"seg_{name}", "start": 0.0, "end": 0.5, "text": text, "speaker": name}
            for name, text in texts.items()
        ]}  # fmt: skip
    return _json(said)


def _moderation(given: dict[str, Any]) -> dict[str, Any]:
    inputs = given["input"] if isinstance(given["input"], list) else [given["input"]]
    whole = any(isinstance(one, dict) for one in inputs)
    texts = [json.dumps(inputs)] if whole else inputs
    rows = [
        {"flagged": "kill" in text, "categories": dict.fromkeys(CATEGORIES, False) | {"violence": "kill" in text},
         "category_scores": dict.fromkeys(CATEGORIES, 0.0) | {"violence": 0.5},
         "category_applied_input_types": dict.fromkeys(CATEGORIES, ["text"])}
        for text in texts
    ]  # fmt: skip
    return {"id": "modr-1", "model": given["model"], "results": rows}
