// Upserts, lists, reads, names, deploys, moves and deletes prompts through the client's strict parsers. Prints what it was given.
import { HumanloopClient } from "humanloop";

const client = new HumanloopClient({ apiKey: process.env.SLUICE_KEY, baseUrl: `${process.env.SLUICE_URL}/v5` });
const path = process.env.PROMPT_PATH;

const details = {
  model: "gpt-4o",
  provider: "openai",
  temperature: 0.5,
  template: [{ role: "user", content: "Hi {{name}} é😀" }],
  tools: [{ name: "f", description: "d", parameters: { type: "object" } }],
};
const said = { versionName: "first", versionDescription: "The first", description: "About", tags: ["a"], readme: "# Read me" };

const made = await client.prompts.upsert({ path, ...details, ...said });
const newer = await client.prompts.upsert({ id: made.id, model: "newer", description: undefined });
const listed = [];
for await (const prompt of await client.prompts.list({ name: made.name, size: 1 })) listed.push(prompt.id);
const selected = await client.prompts.get(made.id, { versionId: made.versionId });
const latest = await client.prompts.get(made.id);

const named = await client.prompts.patchPromptVersion(made.id, newer.versionId, { name: "second" });
const versions = (await client.prompts.listVersions(made.id)).records.map((version) => version.versionName);

const before = await client.prompts.listEnvironments(made.id);
const production = before.find((environment) => environment.name === "production");
const deployed = await client.prompts.setDeployment(made.id, production.id, { versionId: made.versionId });
const after = await client.prompts.listEnvironments(made.id);
const byPath = await client.files.retrieveByPath({ path, environment: "production" });
await client.prompts.removeDeployment(made.id, production.id);
const undeployed = await client.prompts.get(made.id);

await client.prompts.deletePromptVersion(made.id, newer.versionId);
const moved = await client.prompts.move(made.id, { path: `${path}-moved` });
const gone = await client.prompts.upsert({ path: `${path}-gone`, model: "m" });
await client.prompts.delete(gone.id);
let status = 200;
try {
  await client.prompts.get(gone.id);
} catch (error) {
  status = error.statusCode;
}

console.log(JSON.stringify({ details, said, made, newer, listed, selected, latest, named, versions, production, deployed, after, byPath, undeployed, moved, status }));
