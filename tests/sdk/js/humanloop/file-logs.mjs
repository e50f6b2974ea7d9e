// Logs to a tool, a flow and an evaluator, updates what can be, and reads all back through the client's strict parsers.
import { HumanloopClient } from "humanloop";

const client = new HumanloopClient({ apiKey: process.env.SLUICE_KEY, baseUrl: `${process.env.SLUICE_URL}/v5` });
const path = process.env.FILE_PATH;

const fields = {
  output: "6 é😀",
  inputs: { a: 2, nested: { b: [3, null] } },
  error: "odd",
  providerLatency: 0.75,
  stdout: "printed",
  source: "sdk",
  metadata: { plan: "pro", n: 1 },
  logStatus: "complete",
  startTime: new Date("2026-01-01T12:00:00Z"),
  endTime: new Date("2026-01-01T12:00:01.500Z"),
};
const tool = { function: { name: "add", description: "d", parameters: { type: "object" } }, attributes: { v: 1 } };
const spec = { evaluatorType: "human", argumentsType: "target_free", returnType: "number" };

const flow = await client.flows.log({ path: `${path}/flow`, flow: { attributes: { v: "1" } }, logStatus: "incomplete" });
const toolLog = await client.tools.log({ path: `${path}/tool`, tool, ...fields, traceParentId: flow.id, user: "ada" });
const bare = await client.tools.log({ path: `${path}/tool`, tool });
const updated = await client.tools.update(bare.toolId, bare.id, fields);
const ended = await client.flows.updateLog(flow.id, {
  output: "done",
  messages: [{ role: "user", content: "Hi" }],
  logStatus: "complete",
});
const judged = await client.evaluators.log({ path: `${path}/evaluator`, parentId: toolLog.id, spec, judgment: 0.5, ...fields });
const feedback = await client.evaluators.log({ path: `${path}/rating`, parentId: toolLog.id, judgment: ["good", "short"] });

const ofTool = (await client.logs.get(toolLog.id)).evaluatorLogs;

const reads = {};
for (const [name, log] of Object.entries({ flow, toolLog, updated, judged, feedback })) {
  reads[name] = await client.logs.get(log.id);
}
console.log(JSON.stringify({ fields, tool, spec, flow, toolLog, judged, updated, ended, ofTool, reads }));
