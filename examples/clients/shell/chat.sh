#!/bin/sh
# OpenAI's chat API with curl: whole, then streamed. QUORUM_URL, QUORUM_API_KEY and QUORUM_MODEL say where, who and what.
set -eu
url=${QUORUM_URL:-http://127.0.0.1:8000}

ask() {
    curl -sS --fail-with-body -N "$url/v1/chat/completions" -H 'content-type: application/json' \
        ${QUORUM_API_KEY:+-H "authorization: Bearer $QUORUM_API_KEY"} -d "{
            \"model\": \"${QUORUM_MODEL:-quorum/quick}\", \"stream\": $1,
            \"messages\": [{\"role\": \"user\", \"content\": \"What is 2 + 2?\"}]}"
    echo
}

ask false
ask true
