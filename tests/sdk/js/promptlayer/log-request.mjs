// Logs requests the way JavaScript users do. Prints the answers, by name.
import { PromptLayer } from "promptlayer";

const client = new PromptLayer({ apiKey: process.env.SLUICE_KEY, baseURL: process.env.SLUICE_URL });

const text = (role, content) => ({ role, content: [{ type: "text", text: content }] });
const required = {
  provider: "openai",
  model: "gpt-4o",
  input: { type: "chat", messages: [text("user", "2+2? é😀")] },
  output: { type: "chat", messages: [text("assistant", "four")] },
  request_start_time: 1700000000500,
  request_end_time: 1700000001250,
};

const now = Date.now();
const calls = {
  required,
  all: {
    ...required,
    parameters: { temperature: 0.5 },
    tags: ["a", "b"],
    metadata: { user: "u-1" },
    prompt_name: "greeting",
    prompt_id: 3,
    prompt_version_number: 2,
    prompt_input_variables: { name: "Ada" },
    input_tokens: 10,
    output_tokens: 20,
    price: 0.25,
    function_name: "f",
    score: 70,
    score_name: "quality",
    api_type: "responses",
    status: "WARNING",
    error_type: "UNKNOWN_ERROR",
    error_message: "odd",
  },
  dates: { ...required, request_start_time: new Date(1700000000500), request_end_time: new Date(1700000001250) },
  now: { ...required, request_start_time: now, request_end_time: now + 250 },
  nothings: { ...required, price: NaN, score: NaN, input_tokens: undefined, tags: null, metadata: undefined, score_name: null },
  camelCase: {
    provider: "openai",
    model: "gpt-4o",
    input: required.input,
    output: required.output,
    requestStartTime: 1700000000500,
    requestEndTime: 1700000001250,
    inputTokens: 5,
    functionName: "camel",
  },
};

const answers = {};
for (const [name, body] of Object.entries(calls)) answers[name] = await client.logRequest(body);
console.log(JSON.stringify({ clock: now, answers }));
