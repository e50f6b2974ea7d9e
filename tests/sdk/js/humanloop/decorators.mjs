// Wraps functions as tools and flows the way JavaScript users do.
import { HumanloopClient } from "humanloop";

// The client tells nobody when its spans are sent.
const sent = [];
const { fetch } = globalThis;
globalThis.fetch = (...request) => {
  const answer = fetch(...request);
  sent.push(answer);
  return answer;
};

const client = new HumanloopClient({ apiKey: process.env.SLUICE_KEY, baseUrl: `${process.env.SLUICE_URL}/v5` });
const path = process.env.FLOW_PATH;

const parameters = {
  type: "object",
  properties: { a: { type: "integer" }, b: { type: ["integer", "null"] } },
  required: ["a", "b"],
  additionalProperties: false,
};
const multiply = client.tool({
  path: `${path}/tool`,
  callable: ({ a, b }) => a * b,
  version: { function: { name: "multiply", description: "Multiply.", strict: true, parameters } },
});
const outer = client.flow({
  path,
  attributes: { version: "v1" },
  callable: async ({ word }) => {
    await client.prompts.log({ path: `${path}/prompt`, prompt: { model: "gpt-4o" }, output: "by hand" });
    return { role: "assistant", content: `${word} ${await multiply({ a: 2, b: 3 })}` };
  },
});
const answer = await outer({ word: "é", messages: [{ role: "user", content: "Hi" }] });
await new Promise(setImmediate);
const statuses = (await Promise.all(sent)).map((response) => response.status);

console.log(JSON.stringify({ answer, statuses }));
