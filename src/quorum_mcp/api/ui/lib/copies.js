// @ts-check
/** The same call in other words: for curl, Python, the command line and MCP. */

/** @typedef {{name: string, route: {method: string, path: string}|null, tool: string|null}} Card */

/** @param {Card} card @param {Record<string, any>} input @returns {{path: string, body: Record<string, any>|null}} without a leading slash */
export function requestOf(card, input) {
  const route = /** @type {{method: string, path: string}} */ (card.route);
  const rest = { ...input };
  const path = route.path.replace(/{(\w+)}/g, (_, name) => {
    const value = rest[name] ?? "";
    delete rest[name];
    return encodeURIComponent(String(value));
  });
  if (route.method === "POST") return { path: path.slice(1), body: rest };
  const query = new URLSearchParams(Object.entries(rest).map(([name, value]) => [name, String(value)])).toString();
  return { path: `${path.slice(1)}${query && `?${query}`}`, body: null };
}

/**
 * @param {Card} card @param {Record<string, any>} input
 * @param {string} base where the server is, with a slash at its end @param {boolean} keyed whether it wants a key
 */
export function copiesOf(card, input, base, keyed) {
  return { curl: curl(card, input, base, keyed), python: python(card, input, base, keyed), cli: cli(card, input, base), mcp: mcp(card, input) };
}

/** @param {Card} card @param {Record<string, any>} input @param {string} base @param {boolean} keyed */
function curl(card, input, base, keyed) {
  if (!card.route) return "# this operation has no REST route";
  const { path, body } = requestOf(card, input);
  const lines = [`curl -s ${card.route.method === "GET" ? "" : `-X ${card.route.method} `}${quoted(base + path)}`];
  if (keyed) lines.push('-H "authorization: Bearer $QUORUM_API_KEY"');
  if (body) lines.push("-H 'content-type: application/json'", `-d ${quoted(JSON.stringify(body))}`);
  return lines.join(" \\\n  ");
}

/** @param {Card} card @param {Record<string, any>} input @param {string} base @param {boolean} keyed */
function python(card, input, base, keyed) {
  const given = Object.entries(input).map(([name, value]) => `${name}=${literal(value)}`);
  const key = keyed ? "import os\n" : "";
  const shown = keyed ? `, api_key=os.environ["QUORUM_API_KEY"]` : "";
  return `import asyncio
${key}
from quorum_mcp import Quorum


async def main():
    async with Quorum("${base.replace(/\/$/, "")}"${shown}) as quorum:
        print(await quorum.invoke(${[JSON.stringify(card.name), ...given].join(", ")}))


asyncio.run(main())`;
}

/** @param {Card} card @param {Record<string, any>} input @param {string} base */
function cli(card, input, base) {
  const given = Object.keys(input).length ? ` --json ${quoted(JSON.stringify(input))}` : "";
  return `quorum --url ${base.replace(/\/$/, "")} op ${card.name}${given}`;
}

/** @param {Card} card @param {Record<string, any>} input */
function mcp(card, input) {
  if (!card.tool) return "# this operation is no MCP tool";
  const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: card.tool, arguments: input } };
  return JSON.stringify(call, null, 2);
}

/** For a POSIX shell. @param {string} text */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** @param {any} value @returns {string} as Python writes it */
function literal(value) {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null) return "None";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${literal(one)}`).join(", ")}}`;
  return JSON.stringify(value);
}
