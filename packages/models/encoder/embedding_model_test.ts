import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { assertClose, TEST_DEVICES } from "@wick/testing";
import { FileFormatError } from "../files/file_format_error.ts";
import {
  type TemporaryFolder,
  temporaryFolder,
} from "../files/temporary_folder.ts";
import { EmbeddingModel } from "./embedding_model.ts";
import { cosine, nearest } from "./nearest.ts";

const BERT = new URL(
  "../../../testdata/conformance/embeddings/tiny-bert/",
  import.meta.url,
).pathname;
const TEXTS = [
  "Seven",
  "a green stone under the bridge costs 12 euros and a long morning",
  "",
  "The quick river",
  "order a window",
];

/** Copies the golden encoder, with more files beside it. */
async function encoderFolder(
  files: Readonly<Record<string, unknown>>,
): Promise<TemporaryFolder> {
  const folder = temporaryFolder();
  for (
    const name of [
      "config.json",
      "model.safetensors",
      "tokenizer.json",
      "tokenizer_config.json",
    ]
  ) await Deno.copyFile(BERT + name, folder.file(name));
  await Deno.mkdir(folder.file("1_Pooling"));
  for (const [name, value] of Object.entries(files)) {
    await Deno.writeTextFile(folder.file(name), JSON.stringify(value));
  }
  return folder;
}

const device = await TEST_DEVICES[0]!.open();

Deno.test("a text gets the same vector in any batch, and on any device", async () => {
  using model = await EmbeddingModel.load(device, BERT);
  const progress: number[] = [];
  const batches = await model.encode(TEXTS, {
    batchSize: 2,
    onProgress: (done) => progress.push(done),
  });
  assertEquals(progress, [2, 4, 5]);
  // The last one may be a GPU; each batch is compiled anew there.
  const last = TEST_DEVICES.findLast(({ ignore }) => !ignore)!;
  using other = await EmbeddingModel.load(await last.open(), BERT);
  const together = await other.encode(TEXTS);
  for (const [index, text] of TEXTS.entries()) {
    const [alone] = await model.encode([text]);
    assertClose(together[index]!, alone!);
    assertClose(batches[index]!, alone!);
    assertClose([Math.hypot(...alone!)], [1]);
  }
  assertEquals(await model.encode([]), []);
});

Deno.test("encode() gives its memory back", async () => {
  using model = await EmbeddingModel.load(device, BERT);
  await model.encode(TEXTS);
  const { bytesInUse } = device.statistics();
  await model.encode(TEXTS);
  assertEquals(device.statistics().bytesInUse, bytesInUse);
});

Deno.test("encode() puts prefixes before texts, those of the folder or others", async () => {
  using folder = await encoderFolder({
    "config_sentence_transformers.json": {
      prompts: { query: "query: ", document: "passage: " },
    },
  });
  using model = await EmbeddingModel.load(device, folder.path);
  using plain = await EmbeddingModel.load(device, BERT);
  using given = await EmbeddingModel.load(device, BERT, {
    queryPrefix: "query: ",
  });
  const [query] = await model.encode(["stone"], { as: "query" });
  const [passage] = await model.encode(["stone"], { as: "passage" });
  assertEquals([query], await plain.encode(["query: stone"]));
  assertEquals([query], await given.encode(["stone"], { as: "query" }));
  assertEquals([passage], await plain.encode(["passage: stone"]));
  assertEquals(await model.encode(["stone"]), await plain.encode(["stone"]));
  assertEquals(
    await plain.encode(["stone"], { as: "query" }),
    await plain.encode(["stone"]),
  );
});

Deno.test("EmbeddingModel honours the pooling and the length of the folder", async () => {
  using folder = await encoderFolder({
    "1_Pooling/config.json": {
      "word_embedding_dimension": 48,
      "pooling_mode_cls_token": true,
      "pooling_mode_mean_tokens": false,
    },
    "sentence_bert_config.json": { "max_seq_length": 6 },
  });
  using model = await EmbeddingModel.load(device, folder.path);
  assertEquals([model.pooling, model.maxLength], ["cls", 6]);
  const cut: unknown[] = [];
  const long = "one two three four five six seven eight nine ten";
  const [vector] = await model.encode([long], {
    normalize: false,
    onCut: (...given) => cut.push(given),
  });
  const ids = model.tokenizer.encode(long);
  assertEquals(cut, [[0, ids.length]]);
  const kept = [...ids.slice(0, 5), ids.at(-1)!];
  using input = device.tensor(Int32Array.from(kept), { shape: [1, 6] });
  using lengths = device.tensor(Int32Array.of(6));
  using hidden = model.encoder.hidden(input, lengths);
  assertClose(vector!, (await hidden.data()).slice(0, 48));
});

Deno.test("EmbeddingModel says what it cannot do", async () => {
  const refuses = async (
    files: Readonly<Record<string, unknown>>,
    says: string,
  ) => {
    using folder = await encoderFolder(files);
    await assertRejects(
      () => EmbeddingModel.load(device, folder.path),
      FileFormatError,
      says,
    );
  };
  await refuses(
    { "1_Pooling/config.json": { "pooling_mode_max_tokens": true } },
    "only pooling_mode_mean_tokens or pooling_mode_cls_token",
  );
  const config = JSON.parse(await Deno.readTextFile(`${BERT}config.json`));
  const changed = (changes: Record<string, unknown>) => ({
    "config.json": { ...config, ...changes },
  });
  await refuses(changed({ "model_type": "t5" }), 'its model_type is "t5"');
  await refuses(
    changed({ "num_attention_heads": 5 }),
    "a divisor of hidden_size 48",
  );
  await refuses(
    changed({ "position_embedding_type": "relative_key" }),
    "absolute",
  );
  await refuses(
    changed({ "num_hidden_layers": 3 }),
    "it lacks encoder.layer.2.",
  );
  await refuses(
    changed({ "num_hidden_layers": 1 }),
    "nothing in the model uses encoder.layer.1.",
  );
  using model = await EmbeddingModel.load(device, BERT);
  await assertRejects(
    () => model.encode(["a"], { batchSize: 0 }),
    RangeError,
    "0 texts at once",
  );
  using ids = device.tensor(new Int32Array(65), { shape: [1, 65] });
  using lengths = device.tensor(Int32Array.of(65));
  assertThrows(
    () => model.encoder.hidden(ids, lengths),
    RangeError,
    "64 positions",
  );
});

Deno.test("nearest() sorts by cosine, whatever the lengths", () => {
  const vectors = [[0, 1], [5, 5], [-1, 0], [0.1, 0], [2, 0]];
  assertEquals(
    nearest([3, 0], vectors, 9).map(({ index }) => index),
    [3, 4, 1, 0, 2],
  );
  assertEquals(cosine([0, 0], [1, 2]), 0);
  assertThrows(() => cosine([1], [1, 2]), RangeError, "1 and 2 numbers");
});
