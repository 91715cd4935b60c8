// OpenAI's chat API with nothing but fetch: whole, then streamed. Node 22 or newer, or a browser of your own origin.
const url = process.env.QUORUM_URL ?? 'http://127.0.0.1:8000';
const headers = { 'content-type': 'application/json' };
if (process.env.QUORUM_API_KEY) headers.authorization = `Bearer ${process.env.QUORUM_API_KEY}`;

function ask(more) {
  const model = process.env.QUORUM_MODEL ?? 'quorum/quick';
  const messages = [{ role: 'user', content: 'What is 2 + 2?' }];
  const body = JSON.stringify({ model, messages, ...more });
  return fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body });
}

const whole = await (await ask({})).json();
if (whole.error) throw new Error(whole.error.message);
console.log(whole.choices[0].message.content);

let rest = '';
for await (const piece of (await ask({ stream: true })).body.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + piece).split('\n');
  rest = lines.pop();
  for (const line of lines) {
    if (!line.startsWith('data: {')) continue;
    const event = JSON.parse(line.slice(6));
    if (event.error) throw new Error(event.error.message);
    process.stdout.write(event.choices?.[0]?.delta?.content ?? '');
  }
}
console.log();
