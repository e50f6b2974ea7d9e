// Makes the usual mistakes. Prints what users of the client see of each.
import { PromptLayer } from "promptlayer";

const url = process.env.SLUICE_URL;
const right = { apiKey: process.env.SLUICE_KEY, baseURL: url };
const chat = { type: "chat", messages: [] };
const body = { provider: "p", model: "m", input: chat, output: chat, request_start_time: 1, request_end_time: 2 };

const seen = {};
async function attempt(name, options, sent) {
  try {
    seen[name] = { answer: await new PromptLayer(options).logRequest(sent) };
  } catch (error) {
    seen[name] = { error: error.message };
  }
}

await attempt("wrong key", { ...right, apiKey: "wrong-key-1" }, body);
await attempt("wrong URL", { ...right, baseURL: `${url}/v5` }, body);
await attempt("slash at the end", { ...right, baseURL: `${url}/` }, body);
await attempt("missing fields", right, { provider: "p" });
await attempt("wrong field", right, { ...body, score: 101 });
await attempt("wrong key, no throw", { ...right, apiKey: "wrong-key-1", throwOnError: false }, body);
console.log(JSON.stringify(seen));
