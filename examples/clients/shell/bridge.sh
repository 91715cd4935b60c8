#!/bin/sh
# Tools over the bridge's plain HTTP: one path per tool, on either port. A script need not say that it sends JSON.
set -eu
bridge=${QUORUM_BRIDGE:-http://127.0.0.1:5050}
tools=${QUORUM_TOOLS:-http://127.0.0.1:5002}
asked="{\"model\": \"${QUORUM_MODEL:-quorum/quick}\", \"messages\": [{\"role\": \"user\", \"content\": \"What is 2 + 2?\"}]}"

call() {
    curl -sS "$@" ${QUORUM_API_KEY:+-H "authorization: Bearer $QUORUM_API_KEY"}
    echo
}

call "$bridge/mcp/generate" -d "$asked"
call "$tools/tools/generate" -d "{\"params\": $asked}"
call "$tools/tools/list_providers"
call "$tools/tools/generat" -d '{}'
