// Logs to a prompt, goes through the list of its logs, reads one and deletes it. Prints what it was given.
import { HumanloopClient } from "humanloop";

const client = new HumanloopClient({ apiKey: process.env.SLUICE_KEY, baseUrl: `${process.env.SLUICE_URL}/v5` });
const path = process.env.PROMPT_PATH;

const created = [];
for (const output of ["one", "two", "three"]) {
  const answer = await client.prompts.log({ path, prompt: { model: "gpt-4o" }, output });
  await client.logs.get(answer.id);
  created.push(answer);
}
const fileId = created[0].promptId;

async function ids(query) {
  const seen = [];
  for await (const log of await client.logs.list({ fileId, ...query })) seen.push(log.id);
  return seen;
}

const all = await ids({ size: 2 });
const found = await ids({ search: "TWO", inTraceFilter: false, startDate: new Date("2020-01-01T00:00:00Z") });
await client.logs.delete({ id: [created[0].id, created[2].id] });
const left = await ids({});
let status = 200;
try {
  await client.logs.get(created[0].id);
} catch (error) {
  status = error.statusCode;
}
console.log(JSON.stringify({ created, all, found, left, status }));
