import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { TEST_DEVICES } from "@wick/testing";
import { CausalLanguageModel } from "../decoder/causal_language_model.ts";
import { loadTokenizer } from "../tokenizer/load_tokenizer.ts";
import { generate } from "./generate.ts";
import { generateStream, generateText } from "./generate_text.ts";

const GOLDEN = `${import.meta.dirname}/../../../testdata/conformance`;
const device = await TEST_DEVICES[0]!.open();

/** A model of random weights, and a tokenizer of bytes for its tokens. */
async function randomModel() {
  const folder = `${GOLDEN}/models/tiny-llama`;
  const model = await CausalLanguageModel.load(device, folder);
  const tokenizer = await loadTokenizer(`${GOLDEN}/tokenizers/chatml`);
  return { model, tokenizer };
}

const FREE = { temperature: 1.5, seed: 3, stopTokenIds: [], maxNewTokens: 60 };

Deno.test("generateStream() gives the text of all tokens, never half a character", async () => {
  const { model, tokenizer } = await randomModel();
  using _model = model;
  const prompts = [[5, 6], [7, 8, 9, 10], [11]];
  const ids: number[][] = prompts.map(() => []);
  const texts = prompts.map(() => "");
  const ends: unknown[] = [];
  for await (
    const piece of generateStream(model, tokenizer, prompts, FREE)
  ) {
    ids[piece.row]!.push(piece.id);
    texts[piece.row] += piece.text;
    if (piece.finish) ends.push(piece.finish);
    // Half of a surrogate pair is no text.
    assertEquals(piece.text.isWellFormed(), true);
    assertEquals(piece.logProbability < 0, true);
  }
  assertEquals(ends, ["length", "length", "length"]);
  texts.forEach((text, row) => {
    assertEquals(ids[row]!.length, 60);
    assertEquals(
      text,
      tokenizer.decode(ids[row]!, { skipSpecialTokens: true }),
    );
  });
  assertEquals(
    await generateText(model, tokenizer, prompts, FREE),
    texts,
  );
});

Deno.test("generateStream() ends before a stop string, and after a stop token", async () => {
  const { model, tokenizer } = await randomModel();
  using _model = model;
  const [whole] = await generateText(model, tokenizer, [[5, 6]], FREE);
  const stop = whole!.slice(30, 34);
  const collect = async (options: Record<string, unknown>) => {
    let text = "";
    let last;
    const prompts = [[5, 6], [7]];
    const given = { ...FREE, maxNewTokens: 60, ...options };
    for await (
      const piece of generateStream(model, tokenizer, prompts, given)
    ) {
      if (piece.row !== 0) continue;
      text += piece.text;
      last = piece;
    }
    return { text, last: last! };
  };
  const stopped = await collect({ stopStrings: [stop, "never there"] });
  assertEquals(stopped.text, whole!.slice(0, whole!.indexOf(stop)));
  assertEquals(stopped.last.finish, "stop");
  const { last } = await collect({ maxNewTokens: 10 });
  const token = await collect({ stopTokenIds: [last.id] });
  assertEquals([token.last.id, token.last.finish], [last.id, "stop"]);
  assertStringIncludes(whole!, token.text);
});

Deno.test("generateStream() continues a text that is given alone", async () => {
  const folder = "examples/tickets/base-model";
  using model = await CausalLanguageModel.load(device, folder);
  const tokenizer = await loadTokenizer(folder);
  const options = { maxNewTokens: 6, stopTokenIds: [] };
  const pieces = await Array.fromAsync(
    generateStream(model, tokenizer, "Request: call", options),
  );
  const text = pieces.map((piece) => piece.text).join("");
  assertEquals(pieces.length, 6);
  assertEquals(
    await generateText(model, tokenizer, ["Request: call"], options),
    [text],
  );
  const ids = tokenizer.encode("Request: call");
  assertEquals(await generateText(model, tokenizer, [ids], options), [text]);
});

Deno.test("generate() gives the same whatever runs at once, and stops when told to", async () => {
  const { model } = await randomModel();
  using _model = model;
  const prompts = [[5], [6, 7, 8], [9, 10], [11, 12, 13, 14], [15]];
  const all = async (batchSize: number): Promise<number[][]> => {
    const made: number[][] = prompts.map(() => []);
    const options = { ...FREE, maxNewTokens: 9, batchSize };
    for await (const { row, id } of generate(model, prompts, options)) {
      made[row]!.push(id);
    }
    return made;
  };
  const alone = await all(1);
  assertEquals(await all(2), alone);
  assertEquals(await all(5), alone);
  assertEquals(new Set(alone.map(String)).size, 5);

  const stop = new AbortController();
  let tokens = 0;
  await assertRejects(
    async () => {
      const options = { ...FREE, signal: stop.signal };
      for await (const _ of generate(model, [[5]], options)) {
        if (++tokens === 3) stop.abort();
      }
    },
    DOMException,
    "aborted",
  );
  assertEquals(tokens, 3);
});

Deno.test("generate() gives its memory back, also when it is left early", async () => {
  const { model } = await randomModel();
  using _model = model;
  const leave = async (): Promise<number> => {
    for await (const _ of generate(model, [[5], [6]], FREE)) break;
    return device.statistics().bytesInUse;
  };
  const after = await leave();
  assertEquals(await leave(), after);
});

Deno.test("generate() says what is wrong before it runs", async () => {
  const { model } = await randomModel();
  using _model = model;
  const refuses = (
    prompts: number[][],
    options: Record<string, unknown>,
    says: string,
  ) =>
    assertRejects(
      () => Array.fromAsync(generate(model, prompts, options)),
      RangeError,
      says,
    );
  await refuses([[1], []], {}, "empty prompt");
  await refuses([Array(256).fill(1)], {}, "the model has 256 positions");
  await refuses([[1]], { topP: 0 }, "top-p 0");
  await refuses([[1]], { batchSize: 0 }, "0 sequences at once");
  await refuses([[1]], { adapters: [] }, "0 adapters");
  assertEquals(await Array.fromAsync(generate(model, [])), []);
});
