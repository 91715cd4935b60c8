"""Google's words for settings that other vendors have, too; loaded with the server, unlike its wire."""

SAMPLING = {
    "top_k": "topK",
    "frequency_penalty": "frequencyPenalty",
    "presence_penalty": "presencePenalty",
}
"""By the words of OpenAI and Anthropic."""
