// Asks a server as an application on Vercel's AI SDK would: node ask.mjs URL. Prints one JSON object: what came of each.
import { createOpenResponses } from "@ai-sdk/open-responses";
import { createOpenAI } from "@ai-sdk/openai";
import { Output, embedMany, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const url = process.argv[2];
const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey: "none" });
const open = createOpenResponses({ name: "quorum", url: `${url}/v1/responses`, apiKey: "none" });
const shapes = { responses: openai.responses, chat: openai.chat, "open-responses": open };
const prompt = "How warm is Paris?";
const tools = {
  look: tool({
    description: "Looks.",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `20 degrees in ${city}`,
  }),
};
const found = {};

async function attempt(name, work) {
  try {
    found[name] = await work();
  } catch (error) {
    found[name] = `${error.name}: ${error.responseBody ?? error.message}`;
  }
}

async function streamed(asked) {
  let failure = null;
  const stream = streamText({ ...asked, onError: ({ error }) => { failure = error; } });
  const said = { text: "", reasoning: "" };
  for await (const part of stream.fullStream) {
    if (part.type === "text-delta") said.text += part.text;
    if (part.type === "reasoning-delta") said.reasoning += part.text;
  }
  if (failure) throw failure;
  return { ...said, tokens: (await stream.totalUsage).outputTokens };
}

for (const [shape, model] of Object.entries(shapes)) {
  const asking = { model: model("lab/caller"), tools, stopWhen: stepCountIs(3), prompt };
  await attempt(`${shape}: text`, async () => (await generateText({ model: model("lab/a"), prompt })).text);
  await attempt(`${shape}: stream`, () => streamed({ model: model("lab/a"), prompt }));
  await attempt(`${shape}: tools`, async () => (await generateText(asking)).text);
  await attempt(`${shape}: tools, streamed`, async () => (await streamed(asking)).text);
  await attempt(`${shape}: going on`, async () => {
    const first = await generateText(asking);
    const messages = [{ role: "user", content: prompt }, ...first.response.messages, { role: "user", content: "Sure?" }];
    return (await generateText({ model: model("lab/a"), messages, tools })).text;
  });
  await attempt(`${shape}: object`, async () => {
    const output = Output.object({ schema: z.object({ name: z.string(), degrees: z.number() }) });
    return (await generateText({ model: model("lab/json"), prompt, output })).output;
  });
  await attempt(`${shape}: panel`, () => streamed({ model: model("quorum/quick"), prompt: "What is 2 + 2?" }));
  await attempt(`${shape}: no such model`, () => generateText({ model: model("lab/none"), prompt, maxRetries: 0 }));
}
await attempt("sealed reasoning goes back", async () => {
  const asked = {
    model: openai.responses("anthropic/thinking-with-its-signature-and-sealed-thinking"),
    providerOptions: { openai: { store: false, include: ["reasoning.encrypted_content"] } },
  };
  const first = await generateText({ ...asked, prompt });
  const messages = [{ role: "user", content: prompt }, ...first.response.messages, { role: "user", content: "Sure?" }];
  return (await generateText({ ...asked, messages })).text;
});
await attempt("embeddings", async () => {
  const made = await embedMany({ model: openai.embedding("lab/e"), values: ["one", "three"] });
  return made.embeddings;
});
console.log(JSON.stringify(found));
