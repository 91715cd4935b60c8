"""The Model Context Protocol: every operation that has a tool name, over HTTP at /mcp and over stdio."""
