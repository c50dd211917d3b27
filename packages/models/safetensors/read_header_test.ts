import { assertEquals } from "@std/assert";
import { failure } from "../files/failure.ts";
import {
  type TemporaryFolder,
  temporaryFolder,
} from "../files/temporary_folder.ts";
import { readHeader } from "./read_header.ts";

/** Writes a file of a header's text, its length, and so many bytes of data. */
function writeFile(
  folder: TemporaryFolder,
  header: string | Uint8Array,
  dataBytes: number,
  claimed?: bigint,
): string {
  const text = typeof header === "string"
    ? new TextEncoder().encode(header)
    : header;
  const file = new Uint8Array(8 + text.length + dataBytes);
  const length = claimed ?? BigInt(text.length);
  new DataView(file.buffer).setBigUint64(0, length, true);
  file.set(text, 8);
  const path = folder.file("a.safetensors");
  Deno.writeFileSync(path, file);
  return path;
}

/** An entry of a header. */
function entry(
  dtype: unknown,
  shape: unknown,
  begin: unknown,
  end: unknown,
): unknown {
  return { dtype, shape, data_offsets: [begin, end] };
}

/** Tests that a header is refused with a message that ends so. */
function refuses(
  what: string,
  header: unknown,
  dataBytes: number,
  problem: string,
): void {
  Deno.test(`readHeader() refuses ${what}`, async () => {
    using folder = temporaryFolder();
    const text = typeof header === "string" || header instanceof Uint8Array
      ? header
      : JSON.stringify(header);
    const path = writeFile(folder, text, dataBytes);
    assertEquals(
      await failure(readHeader(path)),
      `Cannot read ${path}: ${problem}`,
    );
  });
}

Deno.test("readHeader() gives names, types, shapes and places", async () => {
  using folder = temporaryFolder();
  const path = writeFile(
    folder,
    JSON.stringify({
      second: entry("BF16", [2, 3], 4, 16),
      __metadata__: { format: "pt" },
      first: entry("F32", [], 0, 4),
      none: entry("I64", [3, 0, 2], 16, 16),
    }) + "   ",
    16,
  );
  const header = await readHeader(path);
  assertEquals(header.metadata, { format: "pt" });
  assertEquals([...header.tensors], [
    ["first", { dtype: "F32", shape: [], begin: 0, end: 4 }],
    ["second", { dtype: "BF16", shape: [2, 3], begin: 4, end: 16 }],
    ["none", { dtype: "I64", shape: [3, 0, 2], begin: 16, end: 16 }],
  ]);
  assertEquals(header.fileBytes, Deno.statSync(path).size);
  assertEquals(header.fileBytes - header.dataOffset, 16);
});

Deno.test("readHeader() takes a file with no tensors", async () => {
  using folder = temporaryFolder();
  const { tensors, metadata } = await readHeader(writeFile(folder, "{}", 0));
  assertEquals([tensors.size, metadata], [0, {}]);
});

Deno.test("readHeader() keeps an unknown element type for those who do not use it", async () => {
  using folder = temporaryFolder();
  const path = writeFile(
    folder,
    JSON.stringify({ a: entry("F8_E4M3", [3], 0, 3) }),
    3,
  );
  assertEquals((await readHeader(path)).tensors.get("a")?.dtype, "F8_E4M3");
});

Deno.test("readHeader() takes names that JavaScript objects have already", async () => {
  using folder = temporaryFolder();
  const header = '{"__proto__":{"dtype":"U8","shape":[1],' +
    '"data_offsets":[0,1]},"constructor":{"dtype":"U8","shape":[1],' +
    '"data_offsets":[1,2]}}';
  const { tensors } = await readHeader(writeFile(folder, header, 2));
  assertEquals([...tensors.keys()], ["__proto__", "constructor"]);
});

Deno.test("readHeader() refuses a missing file and a folder", async () => {
  using folder = temporaryFolder();
  const absent = folder.file("absent.safetensors");
  assertEquals(
    await failure(readHeader(absent)),
    `Cannot read ${absent}: there is no such file or folder`,
  );
  assertEquals(
    await failure(readHeader(folder.path)),
    `Cannot read ${folder.path}: it is not a regular file`,
  );
});

Deno.test("readHeader() refuses a file too short for its first number", async () => {
  using folder = temporaryFolder();
  const path = folder.file("a.safetensors");
  for (const length of [0, 1, 7]) {
    Deno.writeFileSync(path, new Uint8Array(length));
    assertEquals(
      await failure(readHeader(path)),
      `Cannot read ${path}: it has ${length} bytes, fewer than the 8 that a ` +
        "safetensors file begins with",
    );
  }
});

Deno.test("readHeader() refuses a header longer than the file", async () => {
  using folder = temporaryFolder();
  const path = writeFile(folder, "{}", 5, 8n);
  assertEquals(
    await failure(readHeader(path)),
    `Cannot read ${path}: its header claims 8 bytes and the file has 15 in ` +
      "all: it is truncated or not a safetensors file",
  );
});

for (const claimed of [100_000_001n, 2n ** 53n + 1n, 2n ** 64n - 1n]) {
  Deno.test(`readHeader() refuses a header of ${claimed} bytes`, async () => {
    using folder = temporaryFolder();
    const path = writeFile(folder, "{}", 0, claimed);
    assertEquals(
      await failure(readHeader(path)),
      `Cannot read ${path}: its header claims ${claimed} bytes and at most ` +
        "100000000 are allowed: it is not a safetensors file",
    );
  });
}

refuses(
  "bytes that are not UTF-8",
  new Uint8Array([0x7b, 0xff, 0x7d]),
  0,
  "it is not UTF-8 text",
);
refuses("a list", "[]", 0, "its header is not a JSON object");
refuses("null", "null", 0, "its header is not a JSON object");
refuses(
  "a name that stands twice",
  '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},' +
    '"\\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
  1,
  'its header has "a" twice in one object',
);
refuses(
  "an entry that is not an object",
  { a: [0, 1] },
  1,
  'tensor "a" is not described by an object',
);
refuses(
  "an entry without dtype",
  { a: entry(undefined, [1], 0, 1) },
  1,
  'tensor "a" has no dtype',
);
const sizeLists: unknown[] = [
  [-1],
  [1.5],
  [2 ** 53],
  ["1"],
  [null],
  "1",
  undefined,
  { 0: 1 },
];
for (const shape of sizeLists) {
  refuses(
    `the shape ${JSON.stringify(shape)}`,
    { a: entry("U8", shape, 0, 1) },
    1,
    'tensor "a" has a shape that is not a list of whole numbers from 0',
  );
}
refuses(
  "the shape [-0]",
  '{"a":{"dtype":"U8","shape":[-0],"data_offsets":[0,0]}}',
  0,
  'tensor "a" has a shape that is not a list of whole numbers from 0',
);
const offsetLists: unknown[] = [[0], [0, 1, 1], [-1, 0], [0, 0.5], 1, [0, "1"]];
for (const offsets of offsetLists) {
  refuses(
    `the offsets ${JSON.stringify(offsets)}`,
    { a: { dtype: "U8", shape: [1], data_offsets: offsets } },
    1,
    'tensor "a" has data_offsets that are not two whole numbers from 0',
  );
}
refuses(
  "offsets out of order",
  { a: entry("U8", [1], 2, 1) },
  2,
  'tensor "a" ends at byte 1, before it begins at 2',
);
refuses(
  "offsets outside the file",
  { a: entry("U8", [9], 0, 9) },
  8,
  'tensor "a" ends at byte 9 of the data and the file has 8: it is truncated ' +
    "or damaged",
);
refuses(
  "overlapping tensors",
  { b: entry("U8", [4], 2, 6), a: entry("U8", [4], 0, 4) },
  6,
  'tensor "b" begins at byte 2 of the data and overlaps "a", which ends at 4',
);
refuses(
  "two tensors at one place",
  { a: entry("U8", [2], 0, 2), b: entry("U8", [2], 0, 2) },
  2,
  'tensor "b" begins at byte 0 of the data and overlaps "a", which ends at 2',
);
refuses(
  "a hole between tensors",
  { a: entry("U8", [2], 0, 2), b: entry("U8", [2], 3, 5) },
  5,
  'bytes 2 to 3 of the data, before tensor "b", belong to no tensor',
);
refuses(
  "a hole before the first tensor",
  { a: entry("U8", [1], 1, 2) },
  2,
  'bytes 0 to 1 of the data, before tensor "a", belong to no tensor',
);
refuses(
  "bytes after the last tensor",
  { a: entry("U8", [2], 0, 2) },
  5,
  "its tensors end at byte 2 of the data and the file has 5",
);
refuses(
  "a size that does not fit shape and dtype",
  { a: entry("F32", [2, 3], 0, 12) },
  12,
  'tensor "a" of F32 [2,3] needs 24 bytes and has 12',
);
refuses(
  "a product that overflows to a small number in 64 bits",
  { a: entry("U8", [2 ** 32, 2 ** 32], 0, 0) },
  0,
  'tensor "a" of U8 [4294967296,4294967296] needs more bytes than can be and ' +
    "has 0",
);
refuses(
  "a product that overflows before a zero",
  { a: entry("F64", [2 ** 40, 2 ** 40, 0], 0, 0) },
  0,
  'tensor "a" of F64 [1099511627776,1099511627776,0] needs more bytes than ' +
    "can be and has 0",
);
refuses(
  "metadata that is not an object",
  { __metadata__: "pt" },
  0,
  "its __metadata__ is not an object",
);
refuses(
  "metadata that is not text",
  { __metadata__: { step: 3 } },
  0,
  'its __metadata__ "step" is not a text',
);
refuses(
  "a long name with a line break, in one short line",
  { ["x\n".repeat(100)]: 1 },
  0,
  `tensor "${"x\\n".repeat(38)}x..." is not described by an object`,
);
