// Tracks requests the way JavaScript users do, and calls a provider through the wrapped client. Prints what came of it.
// The client finds the provider's module with `require`, which works in CommonJS alone.
const { PromptLayer } = require("promptlayer");

async function main() {
  const client = new PromptLayer({ apiKey: process.env.SLUICE_KEY, baseURL: process.env.SLUICE_URL });

  const request_id = Number(process.env.REQUEST_ID);
  const group_id = await client.group.create();
  const answers = [
    await client.track.metadata({ request_id, metadata: { plan: "pro" } }),
    await client.track.score({ request_id, score: 50.5 }),
    await client.track.score({ request_id, score: 0, score_name: "quality" }),
    await client.track.prompt({
      request_id,
      prompt_name: "a/b é",
      prompt_input_variables: { name: "Ada" },
      version: 4,
      label: "prod",
    }),
    await client.track.group({ request_id, group_id }),
  ];

  const OpenAI = client.OpenAI;
  const openai = new OpenAI({ apiKey: "sk-provider", baseURL: process.env.PROVIDER_URL, maxRetries: 0 });
  const [response, called_id] = await openai.chat.completions.create({
    model: "gpt-4o",
    messages: [{ role: "user", content: `2+2? ${process.env.REQUEST_ID}` }],
    return_pl_id: true,
    pl_tags: ["js"],
  });

  const Anthropic = client.Anthropic;
  const anthropic = new Anthropic({ apiKey: "sk-provider", baseURL: process.env.PROVIDER_URL, maxRetries: 0 });
  const [, claude_id] = await anthropic.messages.create({
    model: "claude-3-5-sonnet-20241022",
    max_tokens: 100,
    messages: [{ role: "user", content: `2+2? ${process.env.REQUEST_ID}` }],
    return_pl_id: true,
  });

  let mistake = null;
  try {
    await client.track.score({ request_id: request_id + 1000, score: 5 });
  } catch (error) {
    mistake = error.message;
  }
  console.log(JSON.stringify({ group_id, answers, called_id, claude_id, text: response.choices[0].message.content, mistake }));
}

main();
