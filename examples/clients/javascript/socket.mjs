// A tool over the bridge's WebSocket, its text as it is written. Node 22 or newer. A WebSocket of the web's API sends no
// headers: where the server wants a key, use a library that does, such as ws.
const socket = new WebSocket(process.env.QUORUM_SOCKET ?? 'ws://127.0.0.1:8765/');
const asked = {
  model: process.env.QUORUM_MODEL ?? 'quorum/quick',
  messages: [{ role: 'user', content: 'What is 2 + 2?' }],
};

socket.onerror = () => { throw new Error('no connection'); };
socket.onmessage = ({ data }) => {
  const frame = JSON.parse(data);
  if (frame.type === 'welcome') {
    console.log(`${frame.available_tools.length} tools, ${frame.models.length} models`);
    socket.send(JSON.stringify({ id: 1, method: 'generate', params: asked, stream: true }));
  } else if (frame.type === 'llm_chunk') {
    process.stdout.write(frame.content);
  } else {
    console.log(`\n${frame.success ? frame.result.answer : frame.error.message}`);
    socket.close();
  }
};
