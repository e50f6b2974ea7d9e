// Reads the logs of a flow, with all that is below them. The client checks strictly what it is answered.
import { HumanloopClient } from "humanloop";

const client = new HumanloopClient({ apiKey: process.env.SLUICE_KEY, baseUrl: `${process.env.SLUICE_URL}/v5` });
const files = await client.flows.list({ name: process.env.FLOW_PATH });
const fileId = files.data[0].id;
const logs = [];
for await (const log of await client.logs.list({ fileId, includeTraceChildren: true })) logs.push(log);
console.log(JSON.stringify({ logs, whole: await client.logs.get(logs[0].id) }));
