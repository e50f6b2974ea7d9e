// Makes the usual mistakes. Prints what users of the client see of each.
import { HumanloopClient } from "humanloop";

const url = process.env.SLUICE_URL;
const right = { apiKey: process.env.SLUICE_KEY, baseUrl: `${url}/v5` };

const seen = {};
async function attempt(name, options, call) {
  try {
    seen[name] = { answer: await call(new HumanloopClient(options)) };
  } catch (error) {
    seen[name] = { kind: error.constructor.name, error: error.message, status: error.statusCode, body: error.body };
  }
}

const log = (client) => client.prompts.log({ path: "mistakes", prompt: { model: "m" } });
await attempt("wrong key", { ...right, apiKey: "wrong-key-1" }, log);
await attempt("wrong URL", { ...right, baseUrl: url }, log);
await attempt("no path", right, (client) => client.prompts.log({}));
await attempt("no such log", right, (client) => client.logs.get("nobody"));
await attempt("no such log to update", right, (client) => client.prompts.updateLog("pr_1", "log/1", { output: "x" }));
await attempt("wrong field", right, (client) => client.prompts.updateLog("pr_1", "log_1", { promptTokens: 0.5 }));
console.log(JSON.stringify(seen));
