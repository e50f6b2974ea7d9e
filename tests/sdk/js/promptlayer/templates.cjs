// Publishes, gets and runs templates the way JavaScript users do. Prints what came of it.
// `run` finds the provider's module with `require`, which works in CommonJS alone.
const { PromptLayer } = require("promptlayer");

async function main() {
  const options = { apiKey: process.env.SLUICE_KEY, baseURL: process.env.SLUICE_URL };
  const client = new PromptLayer(options);
  const name = `${process.env.TEMPLATE_NAME}/a b`;
  const variables = { who: "Ada", numbers: [2, 2] };
  const template = {
    prompt_name: name,
    prompt_template: {
      type: "chat",
      messages: [
        { role: "system", content: [{ type: "text", text: "You add, for {who}" }] },
        {
          role: "user",
          template_format: "jinja2",
          content: [{ type: "text", text: "{{ numbers | join('+') }}?" }],
        },
      ],
    },
    metadata: { model: { provider: "openai", name: "gpt-4o", parameters: { temperature: 0.5 } } },
  };

  const published = await client.templates.publish({ ...template, release_labels: [name], tags: ["js"] });
  const second = await client.templates.publish({ ...template, commit_message: "second" });
  const newest = await client.templates.get(name);
  const labelled = await client.templates.get(name, { label: name, input_variables: variables });
  const cached = new PromptLayer({ ...options, cacheTtlSeconds: 60 });
  const own = await cached.templates.get(name, { label: name, input_variables: variables });
  const all = await client.templates.all({ label: name });

  const done = await client.run({
    promptName: name,
    promptVersion: 1,
    inputVariables: variables,
    tags: ["js"],
    metadata: { user: "ada" },
  });

  let streamed;
  for await (const piece of await client.run({ promptName: name, inputVariables: variables, promptVersion: 1, stream: true })) {
    streamed = piece.request_id ?? streamed;
  }

  const mistakes = [];
  for (const attempt of [
    () => client.templates.get("nobody/knows"),
    () => client.templates.get(name, { version: 9 }),
    () => client.templates.publish({ ...template, commit_message: "x".repeat(73) }),
  ]) {
    try {
      mistakes.push(await attempt());
    } catch (error) {
      mistakes.push(error.message);
    }
  }
  console.log(
    JSON.stringify({
      name,
      published,
      second,
      newest,
      labelled,
      own,
      all,
      request_id: done.request_id,
      streamed,
      answer: done.prompt_blueprint.prompt_template.messages.at(-1).content[0].text,
      mistakes,
    }),
  );
}

main();
