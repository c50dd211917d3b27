import { assertEquals } from "@std/assert";
import { failure } from "../files/failure.ts";
import {
  type TemporaryFolder,
  temporaryFolder,
} from "../files/temporary_folder.ts";
import { openModelFiles } from "./open_model_files.ts";
import { toInt32 } from "./to_int32.ts";
import type { NamedTensor } from "./encode_safetensors.ts";
import { writeSafetensors } from "./write_safetensors.ts";

function bytes(name: string, ...values: number[]): NamedTensor {
  return {
    name,
    dtype: "U8",
    shape: [values.length],
    bytes: Uint8Array.from(values),
  };
}

/** Makes a model of two shards; the index can be bent. */
async function writeShards(
  folder: TemporaryFolder,
  weightMap: unknown = {
    "a": "model-00001-of-00002.safetensors",
    "b": "model-00001-of-00002.safetensors",
    "c": "model-00002-of-00002.safetensors",
  },
): Promise<string> {
  await writeSafetensors(folder.file("model-00001-of-00002.safetensors"), [
    bytes("a", 1),
    bytes("b", 2, 3),
  ]);
  await writeSafetensors(folder.file("model-00002-of-00002.safetensors"), [
    bytes("c", 4),
    bytes("unlisted", 5),
  ]);
  const index = folder.file("model.safetensors.index.json");
  await Deno.writeTextFile(
    index,
    JSON.stringify({ metadata: { total_size: 4 }, weight_map: weightMap }),
  );
  return index;
}

Deno.test("openModelFiles() reads shards as one", async () => {
  using folder = temporaryFolder();
  await writeShards(folder);
  using weights = await openModelFiles(folder.path);
  // What no index lists is there all the same, so that it can be named.
  assertEquals(weights.names(), ["a", "b", "c", "unlisted"]);
  assertEquals(weights.metadata, { format: "pt" });
  assertEquals(weights.info("b").shape, [2]);
  const values = await Promise.all(
    ["c", "b", "a"].map(async (name) => [...toInt32(await weights.read(name))]),
  );
  assertEquals(values, [[4], [2, 3], [1]]);
  assertEquals(
    await failure(weights.read("nothing")),
    `Cannot read ${weights.path}: it has no tensor "nothing"`,
  );
});

Deno.test("openModelFiles() prefers the single file", async () => {
  using folder = temporaryFolder();
  await writeShards(folder);
  const single = folder.file("model.safetensors");
  await writeSafetensors(single, [bytes("only", 9)]);
  using weights = await openModelFiles(`${folder.path}/`);
  assertEquals([weights.path, weights.names()], [single, ["only"]]);
});

Deno.test("openModelFiles() names a folder without weights, and one that is absent", async () => {
  using folder = temporaryFolder();
  const neither =
    "it has neither model.safetensors nor model.safetensors.index.json";
  assertEquals(
    await failure(openModelFiles(folder.path)),
    `Cannot read ${folder.path}: ${neither}`,
  );
});

const escapes: unknown[] = [
  "../model.safetensors",
  "x/../../model.safetensors",
  "/etc/model.safetensors",
  "..\\model.safetensors",
  "C:model.safetensors",
  "",
  ".",
  "a//b",
  "a\u0000b",
  7,
  null,
];
for (const shard of escapes) {
  Deno.test(`openModelFiles() refuses the shard ${JSON.stringify(shard)}`, async () => {
    using folder = temporaryFolder();
    const index = await writeShards(folder, { a: shard });
    assertEquals(
      await failure(openModelFiles(folder.path)),
      `Cannot read ${index}: its weight_map sends "a" to ${
        JSON.stringify(String(shard))
      }: it must be a file in the same folder`,
    );
  });
}

Deno.test("openModelFiles() names a missing shard", async () => {
  using folder = temporaryFolder();
  await writeShards(folder, { a: "model-00003-of-00003.safetensors" });
  const shard = folder.file("model-00003-of-00003.safetensors");
  assertEquals(
    await failure(openModelFiles(folder.path)),
    `Cannot read ${shard}: there is no such file or folder`,
  );
});

Deno.test("openModelFiles() names a tensor that its shard does not hold", async () => {
  using folder = temporaryFolder();
  await writeShards(folder, {
    a: "model-00001-of-00002.safetensors",
    c: "model-00001-of-00002.safetensors",
  });
  const shard = folder.file("model-00001-of-00002.safetensors");
  assertEquals(
    await failure(openModelFiles(folder.path)),
    `Cannot read ${shard}: it has no tensor "c", though ` +
      "model.safetensors.index.json says so",
  );
});

Deno.test("openModelFiles() refuses an index without a weight map", async () => {
  using folder = temporaryFolder();
  const index = await writeShards(folder, ["a"]);
  assertEquals(
    await failure(openModelFiles(folder.path)),
    `Cannot read ${index}: it has no weight_map object`,
  );
});
