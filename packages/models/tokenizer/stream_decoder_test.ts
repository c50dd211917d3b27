import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { loadTokenizer } from "./load_tokenizer.ts";
import { StreamDecoder } from "./stream_decoder.ts";

const GOLDEN = new URL(
  "../../../testdata/conformance/tokenizers/chatml",
  import.meta.url,
).pathname;

Deno.test("StreamDecoder holds a character back until it is whole", async () => {
  const tokenizer = await loadTokenizer(GOLDEN);
  const ids = tokenizer.encode("a 🙂b", { addSpecialTokens: false });
  const stream = tokenizer.streamDecoder();
  const pieces = ids.map((id) => stream.push(id)).filter((piece) => piece);
  assertEquals(pieces.slice(-2), ["🙂", "b"]);
  assertEquals(pieces.join(""), "a 🙂b");
});

Deno.test("StreamDecoder shows an unfinished character when it is flushed", async () => {
  const tokenizer = await loadTokenizer(GOLDEN);
  const ids = tokenizer.encode("x🙂", { addSpecialTokens: false }).slice(0, -1);
  const stream = tokenizer.streamDecoder();
  assertEquals(ids.map((id) => stream.push(id)).join(""), "x");
  assertEquals(stream.flush(), "\uFFFD");
  assertEquals(stream.flush(), "");
  assertEquals(stream.push(ids[0] ?? -1), "x");
});

for (const skipSpecialTokens of [false, true]) {
  Deno.test(
    `StreamDecoder gives what decoding at once gives, special tokens ${
      skipSpecialTokens ? "left out" : "kept"
    }`,
    async () => {
      const tokenizer = await loadTokenizer(GOLDEN);
      const id = fc.oneof(
        fc.nat({ max: tokenizer.vocabularySize + 2 }),
        fc.nat({ max: 2 }),
        fc.constantFrom(...tokenizer.encode("🙂漢é�")),
      );
      fc.assert(
        fc.property(fc.array(id, { maxLength: 40 }), (ids) => {
          const stream = tokenizer.streamDecoder({ skipSpecialTokens });
          const pieces = ids.map((next) => stream.push(next));
          pieces.push(stream.flush());
          assertEquals(
            pieces.join(""),
            tokenizer.decode(ids, { skipSpecialTokens }),
          );
        }),
        { numRuns: 400 },
      );
    },
  );
}

Deno.test("StreamDecoder follows a decoder that drops the first space", () => {
  const words = ["", "▁the", "▁lamp", "s"];
  const decode = (ids: readonly number[]): string =>
    ids.map((id) => words[id]).join("").replaceAll("▁", " ").replace(/^ /, "");
  const stream = new StreamDecoder(decode);
  const pieces = [0, 1, 0, 2, 3, 0, 1].map((id) => stream.push(id));
  assertEquals(pieces, ["", "the", "", " lamp", "s", "", " the"]);
});

Deno.test("StreamDecoder decodes few ids at a time", () => {
  let longest = 0;
  const stream = new StreamDecoder((ids) => {
    longest = Math.max(longest, ids.length);
    return "x".repeat(ids.length);
  });
  for (let id = 0; id < 1000; id++) stream.push(id);
  assertEquals(longest, 2);
});
