// Logs to a prompt, updates the log and reads it back through the client's strict parser. Prints what it was given.
import { HumanloopClient } from "humanloop";

const client = new HumanloopClient({ apiKey: process.env.SLUICE_KEY, baseUrl: `${process.env.SLUICE_URL}/v5` });
const path = process.env.PROMPT_PATH;

const prompt = {
  model: "gpt-4o",
  provider: "openai",
  temperature: 0.5,
  template: [{ role: "user", content: "Hi {{name}}" }],
  tools: [{ name: "f", description: "d", parameters: { type: "object" } }],
};
const fields = {
  messages: [
    { role: "user", content: [{ type: "text", text: "Hi é😀" }, { type: "image_url", imageUrl: { url: "https://example.org/a.png" } }] },
  ],
  outputMessage: {
    role: "assistant",
    content: "Hello",
    toolCalls: [{ id: "c1", type: "function", function: { name: "f", arguments: "{}" } }],
  },
  output: "Hello",
  inputs: { name: "Ada", nested: { a: [1, null] } },
  promptTokens: 1,
  reasoningTokens: 2,
  outputTokens: 3,
  promptCost: 0.5,
  outputCost: 1,
  finishReason: "stop",
  toolChoice: { type: "function", function: { name: "f" } },
  error: "e",
  providerLatency: 0.75,
  stdout: "printed",
  providerRequest: { a: 1 },
  providerResponse: { b: [2] },
  source: "sdk",
  metadata: { plan: "pro", n: 1 },
  logStatus: "complete",
  startTime: new Date("2026-01-01T12:00:00Z"),
  endTime: new Date("2026-01-01T12:00:01.500Z"),
  createdAt: new Date("2026-01-01T12:00:00Z"),
};
const onlyCreate = { sourceDatapointId: "dp_1", traceParentId: "log_of_somebody", user: "u-1", save: true };

const created = await client.prompts.log({ path, prompt, ...fields, ...onlyCreate });
const read = await client.logs.get(created.id);

const bare = await client.prompts.log({ path, prompt, output: "one", error: undefined, metadata: { a: 1 } });
const unchanged = await client.prompts.updateLog(bare.promptId, bare.id, {});
const updated = await client.prompts.updateLog(bare.promptId, bare.id, fields);
const cleared = await client.prompts.updateLog(bare.promptId, bare.id, { output: null, error: undefined });

const logId = `${path}/a log?`;
await client.prompts.log({ path, prompt, logId, output: "one" });
const named = await client.prompts.updateLog(bare.promptId, logId, { output: "two" });
const namedRead = await client.logs.get(logId);

console.log(JSON.stringify({ sent: { ...fields, ...onlyCreate }, prompt, created, read, bare, unchanged, updated, cleared, named, namedRead }));
