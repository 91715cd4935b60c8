// Foreign clients of the server: lists every tool and calls those that are asked for.
// node clients.mjs (modern|legacy) (http URL | stdio COMMAND ARGS...) < calls as JSON: [[tool, arguments], ...]
import { readFileSync } from "node:fs";

const [era, how, target, ...args] = process.argv.slice(2);
const calls = JSON.parse(readFileSync(0, "utf8"));

async function parts() {
  if (era === "modern") {
    const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
    const { StdioClientTransport } = await import("@modelcontextprotocol/client/stdio");
    return { Client, StreamableHTTPClientTransport, StdioClientTransport };
  }
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
  const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
  const { StdioClientTransport } = await import("@modelcontextprotocol/sdk/client/stdio.js");
  return { Client, StreamableHTTPClientTransport, StdioClientTransport };
}

const { Client, StreamableHTTPClientTransport, StdioClientTransport } = await parts();
const transport =
  how === "http"
    ? new StreamableHTTPClientTransport(new URL(target))
    : new StdioClientTransport({ command: target, args, env: process.env, stderr: "inherit" });
const options = era === "modern" ? { versionNegotiation: { mode: "auto" } } : {};
const client = new Client({ name: "judge", version: "1.0.0" }, options);
await client.connect(transport);
const { tools } = await client.listTools();
const results = {};
for (const [name, given] of calls) {
  const result = await client.callTool({ name, arguments: given });
  results[name] = { error: result.isError ?? false, structured: result.structuredContent, text: result.content?.[0]?.text };
}
const negotiated = client.getNegotiatedProtocolVersion?.() ?? null;
console.log(JSON.stringify({ tools: tools.map((tool) => tool.name), results, negotiated }));
await client.close();
