// A panel over REST: one question, one answer, and how far the models agree.
const url = process.env.QUORUM_URL ?? 'http://127.0.0.1:8000';
const headers = { 'content-type': 'application/json' };
if (process.env.QUORUM_API_KEY) headers.authorization = `Bearer ${process.env.QUORUM_API_KEY}`;

const question = { query: 'What is 2 + 2?' };
if (process.env.QUORUM_PANEL) question.panel = process.env.QUORUM_PANEL.split(',');
const response = await fetch(`${url}/api/query`, { method: 'POST', headers, body: JSON.stringify(question) });
const answer = await response.json();
if (!response.ok) throw new Error(`${answer.error.message} (${answer.error.hint})`);

console.log(answer.consensus);
console.log(`agreement: ${answer.agreement}, confidence: ${answer.confidence}, cost: $${answer.total_cost}`);
for (const one of answer.provider_responses) console.log(`  ${one.provider}/${one.model}: ${one.conclusion}`);
