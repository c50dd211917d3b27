import { assertEquals, assertStringIncludes } from "@std/assert";
import { runCaptured } from "./run_captured.ts";

const MODEL = "examples/tickets/base-model";
const GOLDEN = "testdata/conformance";
const TEMPLATE = "examples/tickets/chat_template.jinja";
const QUIET = ["--device=cpu", "--quiet"];
const PROMPT = "Request: call the painter Ticket:";

/** Runs the program on a file of prompts, and gives the lines. */
async function generateAll(
  lines: readonly unknown[],
  ...args: string[]
): Promise<
  { readonly code: number; readonly error: string; lines: unknown[] }
> {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(
    path,
    lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
  );
  const { code, out, error } = await runCaptured([
    ...["generate", `--prompts=${path}`, ...QUIET, ...args],
  ]);
  await Deno.remove(path);
  return {
    code,
    error,
    lines: out.split("\n").filter(Boolean).map((line) => JSON.parse(line)),
  };
}

async function generateOne(...args: string[]) {
  const { code, out, error } = await runCaptured([
    ...["generate", `--model=${MODEL}`, "--json", ...QUIET, ...args],
  ]);
  assertEquals([code, error], [0, ""]);
  return JSON.parse(out);
}

Deno.test("wick generate takes all options of sampling, and stops", async () => {
  const free = [
    `--prompt=${PROMPT}`,
    "--max-new-tokens=20",
    "--stop-token=999",
  ];
  const options = [
    ...["--temperature=1.1", "--top-k=50", "--top-p=0.95", "--min-p=0.01"],
    ...["--repetition-penalty=1.2", "--seed=5"],
  ];
  const whole = await generateOne(...free, ...options, "--log-probabilities");
  assertEquals([whole.tokens, whole.finish], [20, "length"]);
  assertEquals(
    whole.logProbabilities.map(({ text }: { text: string }) => text).join(""),
    whole.text,
  );
  assertEquals(
    whole.logProbabilities.every(({ logProbability }: {
      logProbability: number;
    }) => logProbability < 0),
    true,
  );
  const other = await generateOne(...free, ...options, "--seed=6");
  assertEquals(other.text === whole.text, false);
  const stop = whole.text.slice(9, 12);
  const stopped = await generateOne(
    ...free,
    ...options,
    ...[`--stop=${stop}`, "--stop=never there"],
  );
  assertEquals(stopped.finish, "stop");
  assertEquals(stopped.text, whole.text.slice(0, whole.text.indexOf(stop)));
  const id = whole.logProbabilities[3].id;
  const ended = await generateOne(...free, ...options, `--stop-token=${id}`);
  assertEquals(ended.finish, "stop");
});

Deno.test("wick generate --chat puts the prompt into the template", async () => {
  const options = ["--max-new-tokens=6", "--stop-token=999"];
  const plain = await generateOne(
    "--prompt=Request: call the painter\nTicket:",
    ...options,
  );
  const chat = await generateOne(
    ...["--chat", "--prompt=call the painter", ...options],
    `--chat-template=${TEMPLATE}`,
  );
  assertEquals([chat.text, chat.prompt], [plain.text, "call the painter"]);
});

Deno.test("wick generate --prompts gives a line for each, in their order", async () => {
  const prompts = [
    { prompt: "Request: call", id: 7 },
    { prompt: PROMPT },
    { messages: [{ role: "user", content: "call the painter" }] },
  ];
  const { code, error, lines } = await generateAll(
    prompts,
    `--model=${MODEL}`,
    `--chat-template=${TEMPLATE}`,
    ...["--max-new-tokens=5", "--stop-token=999", "--batch-size=2"],
  );
  assertEquals([code, error], [0, ""]);
  const alone = await generateOne(
    ...[`--prompt=${PROMPT}`, "--max-new-tokens=5", "--stop-token=999"],
  );
  lines.forEach((line, index) => {
    const { text, tokens, finish, ...rest } = Object(line);
    assertEquals(rest, prompts[index]);
    assertEquals([typeof text, tokens, finish], ["string", 5, "length"]);
  });
  assertEquals(Object(lines[1]).text, alone.text);
  assertEquals(lines.length, 3);
});

Deno.test("wick generate --adapters gives lines adapters of their own", async () => {
  const folder = await Deno.makeTempDir();
  const model = `${folder}/model`;
  await Deno.mkdir(model);
  // The tiny models have no tokenizer: one of 512 tokens serves for the prompt.
  for (
    const [from, name] of [
      ["models/tiny-llama", "config.json"],
      ["models/tiny-llama", "model.safetensors"],
      ["tokenizers/chatml", "tokenizer.json"],
      ["tokenizers/chatml", "tokenizer_config.json"],
    ]
  ) await Deno.copyFile(`${GOLDEN}/${from}/${name}`, `${model}/${name}`);
  const adapter = (variant: string) =>
    `${GOLDEN}/adapters/tiny-llama--${variant}`;
  const options = ["--max-new-tokens=8", "--stop-token=319"];
  const prompt = "and";
  const mixed = await generateAll(
    [{ prompt, adapter: "a" }, { prompt }, { prompt, adapter: "b" }],
    ...[`--model=${model}`, ...options],
    ...[
      `--adapters=a=${adapter("all-linear-r4")}`,
      `--adapters=b=${adapter("patterns")}`,
    ],
  );
  assertEquals([mixed.code, mixed.error], [0, ""]);
  const texts = mixed.lines.map((line) => Object(line).text);
  for (const [row, variant] of [[0, "all-linear-r4"], [2, "patterns"]]) {
    const alone = await generateAll(
      [{ prompt }],
      ...[`--model=${model}`, ...options],
      `--adapter=${adapter(String(variant))}`,
    );
    assertEquals(texts[Number(row)], Object(alone.lines[0]).text);
  }
  assertEquals(new Set(texts).size, 3);
  const unknown = await generateAll(
    [{ prompt, adapter: "c" }],
    ...[`--model=${model}`, `--adapters=a=${adapter("all-linear-r4")}`],
  );
  assertEquals(unknown.code, 1);
  assertStringIncludes(unknown.error, 'the adapter "c"');
  await Deno.remove(folder, { recursive: true });
});

Deno.test("wick generate shows on a terminal how far loading is", async () => {
  const { error } = await runCaptured([
    ...["generate", `--model=${MODEL}`, "--device=cpu", "--prompt=a"],
    "--max-new-tokens=1",
  ], { terminal: true });
  const shown = error.split("\r\x1b[2K");
  assertStringIncludes(error, "█".repeat(12) + "░".repeat(12));
  assertStringIncludes(shown[1]!, "loading: 1 of 38");
  assertEquals(shown.length, 39);
  // The bar goes when all is loaded.
  assertEquals(shown.at(-1)!.includes("loading"), false);
});

Deno.test("wick generate says what is wrong with its options and files", async () => {
  const wrong: readonly (readonly [string[], number, string])[] = [
    [["--prompt=a", "--prompts=b"], 2, "both --prompt and --prompts"],
    [["--prompt=a", "--stop-token=x"], 2, '"x" as --stop-token'],
    [["--prompt=a", "--stop="], 2, "--stop: it needs a value"],
    [["--prompt=a", "--adapters=x=y"], 2, "but with --prompts"],
    [["--prompts=b", "--adapters=x"], 2, '"x" as --adapters'],
    [["--prompts=none.jsonl"], 1, "none.jsonl"],
    [["--prompt=a", "--chat"], 1, "no chat template"],
    [["--prompt=a", "--tools=deno.json"], 1, "no JSON list of tools"],
  ];
  for (const [args, code, says] of wrong) {
    const run = await runCaptured([
      ...["generate", `--model=${MODEL}`, ...QUIET, ...args],
    ]);
    assertEquals([run.code, run.out], [code, ""]);
    assertStringIncludes(run.error, says);
  }
  for (
    const [line, says] of [
      [{ text: "a" }, 'line 1: it has neither a "prompt"'],
      [{ messages: [{ role: "user" }] }, 'line 1: "messages" is not a list'],
      [{ prompt: "a", adapter: 3 }, 'line 1: "adapter" is not a name'],
    ] as const
  ) {
    const { code, error } = await generateAll([line], `--model=${MODEL}`);
    assertEquals(code, 1);
    assertStringIncludes(error, says);
  }
});
