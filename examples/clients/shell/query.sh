#!/bin/sh
# A panel over REST with curl. QUORUM_PANEL holds models with commas between; without it the default panel is asked.
set -eu
url=${QUORUM_URL:-http://127.0.0.1:8000}
panel=${QUORUM_PANEL:+", \"panel\": [\"$(echo "$QUORUM_PANEL" | sed 's/,/", "/g')\"]"}

curl -sS --fail-with-body "$url/api/query" -H 'content-type: application/json' \
    ${QUORUM_API_KEY:+-H "authorization: Bearer $QUORUM_API_KEY"} \
    -d "{\"query\": \"What is 2 + 2?\"$panel}"
echo
