"""Gemini's methods of a model as a dialect of the model routes: the path names the model and the method."""

from collections.abc import Mapping

from quorum_mcp.api.gemini.answer import Chunks, response
from quorum_mcp.api.gemini.failures import error_body
from quorum_mcp.api.gemini.request import count, embed, generate
from quorum_mcp.api.model_route import Asked, Json
from quorum_mcp.api.openai.answer import extension
from quorum_mcp.calls.call import Result
from quorum_mcp.calls.counting import counted
from quorum_mcp.errors import NotFound, QuorumError

METHODS = ("generateContent", "streamGenerateContent", "batchEmbedContents", "countTokens")


class Gemini:
    """`POST /v1beta/models/{model}:{method}`; the model may hold slashes."""

    vendor = "google"

    def read(self, body: bytes, path: Mapping[str, str]) -> Asked:
        """Read a request."""
        model, _, method = path["model"].rpartition(":")
        if method not in METHODS or not model:
            raise NotFound(f"there is no method {method!r} of a model", hint=f"one of: {', '.join(METHODS)}")
        if method == "batchEmbedContents":
            return Asked(model, embed(body), options={"embed": True})
        if method == "countTokens":
            return Asked(model, count(body), options={"count": True})
        stream = Chunks() if method == "streamGenerateContent" else None
        return Asked(model, generate(body), stream)

    def whole(self, result: Result, options: Json) -> Json:
        """The whole answer."""
        if options.get("embed"):
            return {"embeddings": [{"values": list(vector)} for vector in result.answer.vectors]}
        if options.get("count"):
            tokens, estimated = counted(result.answer)
            return {"totalTokens": tokens, "quorum": extension(result) | {"estimated": estimated}}
        return response(result)

    def error(self, error: QuorumError) -> Json:
        """The body of an error."""
        return error_body(error)
