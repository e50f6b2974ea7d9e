// Does with a tool, a flow and an evaluator all that the client can do with files. Prints what it was given for each.
import { HumanloopClient } from "humanloop";

const client = new HumanloopClient({ apiKey: process.env.SLUICE_KEY, baseUrl: `${process.env.SLUICE_URL}/v5` });
const spec = { evaluatorType: "python", argumentsType: "target_free", returnType: "boolean", code: "pass" };
const kinds = [
  ["Tool", client.tools, { function: { name: "f", description: "d" }, attributes: { a: 1 } }, { sourceCode: "pass" }],
  ["Flow", client.flows, { attributes: { a: [1] } }, { attributes: {} }],
  ["Evaluator", client.evaluators, { spec }, { spec: { ...spec, code: "return True" } }],
];

const seen = {};
for (const [kind, files, old, changed] of kinds) {
  const path = `${process.env.FILE_PATH}/${kind}`;
  const made = await files.upsert({ path, ...old, versionName: "first" });
  const newer = await files.upsert({ id: made.id, ...changed });
  const listed = [];
  for await (const file of await files.list({ name: made.name, size: 1 })) {
    if (file.path === path) listed.push(file.versionId);
  }
  const selected = await files.get(made.id, { versionId: made.versionId });
  const named = await files[`update${kind}Version`](made.id, newer.versionId, { name: "second" });
  const versions = (await files.listVersions(made.id)).records.map((version) => version.versionName);
  await files.setDeployment(made.id, "production", { versionId: made.versionId });
  const deployed = (await files.listEnvironments(made.id)).filter((each) => each.file).map((each) => each.file.versionId);
  const byPath = await client.files.retrieveByPath({ path, environment: "production" });
  await files.removeDeployment(made.id, "production");
  const latest = await files.get(made.id);
  await files[`delete${kind}Version`](made.id, newer.versionId);
  const moved = await files.move(made.id, { path: `${path}-moved` });
  const gone = await files.upsert({ path: `${path}-gone`, ...old });
  await files.delete(gone.id);
  seen[kind] = { old, made, newer, listed, selected, named, versions, deployed, byPath, latest, moved, gone };
}
console.log(JSON.stringify(seen));
