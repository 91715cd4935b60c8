// Tools over the bridge's plain HTTP: one path per tool, on either port.
const bridge = process.env.QUORUM_BRIDGE ?? 'http://127.0.0.1:5050';
const tools = process.env.QUORUM_TOOLS ?? 'http://127.0.0.1:5002';
const headers = { 'content-type': 'application/json' };
if (process.env.QUORUM_API_KEY) headers.authorization = `Bearer ${process.env.QUORUM_API_KEY}`;

async function call(address, parameters) {
  return (await fetch(address, { method: 'POST', headers, body: JSON.stringify(parameters) })).json();
}

const asked = {
  model: process.env.QUORUM_MODEL ?? 'quorum/quick',
  messages: [{ role: 'user', content: 'What is 2 + 2?' }],
};
console.log((await call(`${bridge}/mcp/generate`, asked)).result.answer);
console.log((await call(`${tools}/tools/generate`, { params: asked })).result.answer);
const refused = await call(`${tools}/tools/generat`, {});
console.log(`${refused.error.message}; ${refused.error.hint}`);
