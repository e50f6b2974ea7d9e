// Wraps a function that calls OpenAI as a prompt, the way JavaScript users do.
import { HumanloopClient } from "humanloop";
import OpenAI from "openai";

// The client tells nobody when its spans are sent.
const sent = [];
const { fetch } = globalThis;
globalThis.fetch = (...request) => {
  const answer = fetch(...request);
  if (String(request[0]).startsWith(process.env.SLUICE_URL)) sent.push(answer);
  return answer;
};

const client = new HumanloopClient({
  apiKey: process.env.SLUICE_KEY,
  baseUrl: `${process.env.SLUICE_URL}/v5`,
  instrumentProviders: { OpenAI },
});
const openai = new OpenAI({ apiKey: "sk", baseURL: process.env.UPSTREAM_URL, maxRetries: 0 });

const ask = client.prompt({
  path: process.env.PROMPT_PATH,
  callable: async ({ question, temperature }) => {
    const messages = [{ role: "user", content: question }];
    const reply = await openai.chat.completions.create({ model: "gpt-4o", temperature, messages });
    return reply.choices[0].message.content;
  },
});
const answers = [];
for (const temperature of [0.5, 0.5, 0.9]) answers.push(await ask({ question: "2+2? é", temperature }));
await new Promise(setImmediate);
const statuses = (await Promise.all(sent)).map((response) => response.status);

console.log(JSON.stringify({ answers, statuses }));
