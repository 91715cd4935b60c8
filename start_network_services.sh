#!/bin/sh
# Starts the server with the ports that older clients use: REST on 5050 and 5002, WebSocket on 8765, besides its own 8000.
# Takes what `quorum serve` takes, and runs until it is interrupted.
set -eu
exec quorum serve --bridge "$@"
