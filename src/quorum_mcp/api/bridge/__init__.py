"""The tool bridge: tools over plain HTTP and a plain WebSocket, as older clients call them."""
