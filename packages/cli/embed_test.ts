import {
  assertAlmostEquals,
  assertEquals,
  assertStringIncludes,
} from "@std/assert";
import { cosine, readJsonObject } from "@wick/models";
import { runCaptured } from "./run_captured.ts";

const MODEL = "testdata/conformance/embeddings/tiny-bert";
const EMBED = ["embed", `--model=${MODEL}`, "--device=cpu", "--quiet"];
const { sentences } = await readJsonObject(`${MODEL}/sentences.json`);
const TEXTS = Object.values(Object(sentences)).map(String);

async function embed(...args: string[]): Promise<unknown[]> {
  const { code, out, error } = await runCaptured([...EMBED, ...args]);
  assertEquals([code, error], [0, ""]);
  return out.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

Deno.test("wick embed gives a vector for each text", async () => {
  const lines = await embed(...TEXTS);
  assertEquals(lines.map((line) => Object(line).text), TEXTS);
  for (const line of lines) {
    const { embedding } = Object(line);
    assertEquals(embedding.length, 48);
    assertAlmostEquals(Math.hypot(...embedding), 1, 1e-6);
  }
  const long = Object((await embed("--no-normalize", TEXTS[0]!))[0]).embedding;
  assertEquals(Math.hypot(...long) > 1.5, true);
  assertAlmostEquals(cosine(long, Object(lines[0]).embedding), 1, 1e-6);
});

Deno.test("wick embed keeps what a line has, and searches", async () => {
  const path = await Deno.makeTempFile();
  const write = (lines: readonly unknown[]) =>
    Deno.writeTextFile(
      path,
      lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
    );
  await write(TEXTS.map((title, id) => ({ id, title })));
  const data = [`--data=${path}`, "--field=title"];
  const lines = await embed(...data);
  assertEquals(lines.map((line) => Object(line).id), [0, 1, 2, 3]);
  const search = ["--search=the QUICK river", "--top-k=2"];
  const found = await embed(...data, ...search, "--json");
  await write(lines);
  assertEquals(await embed(...data, ...search, "--json"), found);
  const [best, second] = found.map(Object);
  assertEquals([best.id, best.index, best.title], [0, 0, TEXTS[0]]);
  assertAlmostEquals(best.score, 1, 1e-5);
  assertEquals(best.score > second.score, true);
  assertEquals(best.embedding, undefined);
  const shown = await runCaptured([...EMBED, ...data, ...search]);
  assertEquals(shown.out.split("\n")[0], `1.0000  ${TEXTS[0]}`);
  const prefixed = Object(
    (await embed(
      ...[...data, ...search, "--json", "--query-prefix=seven stones: "],
    ))[0],
  );
  assertEquals(prefixed.score < 0.9999, true);

  await write([{ title: "x", embedding: [1, 2] }]);
  const other = await runCaptured([...EMBED, ...data, ...search]);
  assertEquals(other.code, 1);
  assertStringIncludes(other.error, "2 numbers and the model gives 48");
  await write([{ title: "x", embedding: "no" }]);
  const damaged = await runCaptured([...EMBED, ...data]);
  assertStringIncludes(damaged.error, 'line 1 has an "embedding" that is no');
  await Deno.remove(path);
});

Deno.test("wick embed says what is wrong, and what it cut", async () => {
  const none = await runCaptured(EMBED);
  assertEquals(none.code, 2);
  assertStringIncludes(none.error, "Cannot embed nothing");
  const decoder = await runCaptured([
    ...["embed", "--model=examples/tickets/base-model", "a"],
  ]);
  assertEquals(decoder.code, 1);
  assertStringIncludes(decoder.error, 'its model_type is "llama"');
  const cut = await runCaptured([
    ...["embed", `--model=${MODEL}`, "--device=cpu", "river ".repeat(70)],
  ]);
  assertEquals(cut.code, 0);
  assertStringIncludes(cut.error, "1 texts cut to 64 tokens");
});
