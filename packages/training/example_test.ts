import { loadTokenizer } from "@wick/models";
import { assert, assertEquals } from "@std/assert";
import { IGNORED, readExamples, tokenizeExample } from "./mod.ts";

const FOLDER = "testdata/conformance/tokenizers/chatml";
const TOOLS = [{
  type: "function",
  function: { name: "weather", parameters: { type: "object" } },
}];

async function read(...lines: unknown[]) {
  const path = await Deno.makeTempFile({ suffix: ".jsonl" });
  await Deno.writeTextFile(
    path,
    lines.map((line) => JSON.stringify(line)).join("\n"),
  );
  const examples = await readExamples(path);
  await Deno.remove(path);
  return examples;
}

Deno.test("of a conversation the last turn counts, whatever the template writes around it", async () => {
  const tokenizer = await loadTokenizer(FOLDER);
  const messages = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "The quick river?" },
    { role: "assistant", content: "A new line." },
  ];
  const [example] = await read({ messages });
  const { ids, labels } = tokenizeExample(tokenizer, example!);
  assertEquals(tokenizer.decode(ids), tokenizer.applyChatTemplate(messages));
  const counted = ids.filter((_, i) => labels[i] !== IGNORED);
  assertEquals(labels.filter((label) => label !== IGNORED), counted);
  const answer = tokenizer.decode(counted);
  assert(answer.startsWith("A new line."), answer);
  assert(!answer.includes("river"), answer);
  const whole = tokenizeExample(tokenizer, example!, { maskPrompt: false });
  assertEquals(whole.ids, ids);
  assertEquals(whole.labels, ids);
});

Deno.test("turns that call tools need no content, and tools reach the template", async () => {
  const call = { function: { name: "weather", arguments: { city: "Ulm" } } };
  const messages = [
    { role: "user", content: "Rain?" },
    { role: "assistant", content: null, tool_calls: [call] },
    { role: "tool", content: "no" },
    { role: "assistant", content: "No." },
  ];
  const [example] = await read({ messages, tools: TOOLS });
  assertEquals(example, { kind: "chat", messages, tools: TOOLS });
  const given: unknown[] = [];
  const tokenizer = await loadTokenizer(FOLDER);
  const watching: typeof tokenizer = Object.create(tokenizer, {
    encode: { value: tokenizer.encode.bind(tokenizer) },
    applyChatTemplate: {
      value: (
        turns: readonly { content: string | null }[],
        options: unknown,
      ) => {
        given.push(options);
        return turns.map(({ content }) => content ?? "(calls)").join("|");
      },
    },
    eosTokenId: { value: null },
  });
  const { ids, labels } = tokenizeExample(watching, example!);
  assertEquals(given, [{ tools: TOOLS }, {
    tools: TOOLS,
    addGenerationPrompt: true,
  }]);
  assertEquals(
    tokenizer.decode(ids.filter((_, i) => labels[i] !== IGNORED)),
    "|No.",
  );
});

Deno.test("of a text all counts, of a completion what follows the prompt, and the end", async () => {
  const tokenizer = await loadTokenizer(FOLDER);
  const [text] = await read({ text: "two spaces" });
  const all = tokenizeExample(tokenizer, text!, { endTokenId: 5 });
  assertEquals(all.labels, all.ids);
  assertEquals(all.ids.at(-1), 5);
  const [completion] = await read({ prompt: "two", completion: " spaces" });
  const { ids, labels } = tokenizeExample(tokenizer, completion!, {
    endTokenId: 5,
  });
  assertEquals(ids, all.ids);
  const prompt = tokenizer.encode("two").length;
  assertEquals(labels.slice(0, prompt), Array(prompt).fill(IGNORED));
  assertEquals(labels.slice(prompt), ids.slice(prompt));
});
