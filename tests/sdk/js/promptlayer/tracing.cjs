// Traces functions the way JavaScript users do, and calls a provider inside one. Prints the trace's id.
const { PromptLayer } = require("promptlayer");
const { trace } = require("@opentelemetry/api");

// The client tells nobody when its spans are sent.
const sent = [];
const { fetch } = globalThis;
globalThis.fetch = (...request) => {
  const answer = fetch(...request);
  sent.push(answer);
  return answer;
};

async function main() {
  const client = new PromptLayer({ apiKey: process.env.SLUICE_KEY, baseURL: process.env.SLUICE_URL, enableTracing: true });
  const OpenAI = client.OpenAI;
  const openai = new OpenAI({ apiKey: "sk-provider", baseURL: process.env.PROVIDER_URL, maxRetries: 0 });

  let trace_id;
  const inner = client.wrapWithSpan("inner", (a, b) => a * b);
  const outer = client.wrapWithSpan("outer", async (word) => {
    trace_id = trace.getActiveSpan().spanContext().traceId;
    const [, called_id] = await openai.chat.completions.create({
      model: "gpt-4o",
      messages: [{ role: "user", content: "2+2?" }],
      return_pl_id: true,
    });
    return { text: `${word} ${inner(2, 3)}`, called_id };
  }, { plan: "pro" });
  const answer = await outer("é");
  await new Promise(setImmediate);
  await Promise.all(sent);
  console.log(JSON.stringify({ trace_id, ...answer }));
}

main();
