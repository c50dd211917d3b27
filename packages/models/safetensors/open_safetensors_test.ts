import { assertEquals, assertRejects } from "@std/assert";
import { failure } from "../files/failure.ts";
import { temporaryFolder } from "../files/temporary_folder.ts";
import { openSafetensors } from "./open_safetensors.ts";
import { toFloat32 } from "./to_float32.ts";
import { toInt32 } from "./to_int32.ts";
import { writeSafetensors } from "./write_safetensors.ts";

const GOLDEN = new URL("../../../testdata/conformance/", import.meta.url);

Deno.test("openSafetensors() reads what PyTorch wrote", async () => {
  const { pathname } = new URL(
    "models/tiny-llama/expected.safetensors",
    GOLDEN,
  );
  using file = await openSafetensors(pathname);
  const logits = await file.read("logits");
  const values = toFloat32(logits);
  const ids = await file.read("input_ids");
  assertEquals(logits.shape, [...ids.shape, 320]);
  assertEquals(values.length, logits.shape.reduce((a, b) => a * b, 1));
  assertEquals(values.every((value) => Math.abs(value) < 100), true);
  assertEquals(values.some((value) => Math.abs(value) > 0.01), true);
  assertEquals(toInt32(ids).every((id) => id >= 0 && id < 320), true);
});

Deno.test("openSafetensors() keeps reads apart that are asked for at once", async () => {
  using folder = temporaryFolder();
  const path = folder.file("a.safetensors");
  const tensors = Array.from({ length: 20 }, (_, i) => ({
    name: `t${i}`,
    dtype: "U8" as const,
    shape: [1000 + i],
    bytes: new Uint8Array(1000 + i).fill(i),
  }));
  await writeSafetensors(path, tensors);
  using file = await openSafetensors(path);
  const read = await Promise.all(tensors.map(({ name }) => file.read(name)));
  assertEquals(
    read.map(({ bytes }) => bytes),
    tensors.map(({ bytes }) => bytes),
  );
});

Deno.test("openSafetensors() names what a file does not hold", async () => {
  using folder = temporaryFolder();
  const path = folder.file("a.safetensors");
  await writeSafetensors(path, []);
  using file = await openSafetensors(path);
  assertEquals(file.has("w"), false);
  assertEquals(
    await failure(file.read("w")),
    `Cannot read ${path}: it has no tensor "w"`,
  );
});

Deno.test("openSafetensors() refuses an unknown dtype only when it is read", async () => {
  using folder = temporaryFolder();
  const path = folder.file("a.safetensors");
  const header =
    '{"new":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[0,3]},' +
    '"old":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}}';
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + 4).fill(5);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  Deno.writeFileSync(path, bytes);
  using file = await openSafetensors(path);
  assertEquals(toInt32(await file.read("old")), new Int32Array([5]));
  assertEquals(
    await failure(file.read("new")),
    `Cannot read ${path}: tensor "new" has the dtype "F8_E4M3": known are ` +
      "F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8, BOOL",
  );
});

Deno.test("openSafetensors() notices a file that shrinks while it is open", async () => {
  using folder = temporaryFolder();
  const path = folder.file("a.safetensors");
  await writeSafetensors(path, [
    { name: "w", dtype: "U8", shape: [100], bytes: new Uint8Array(100) },
  ]);
  using file = await openSafetensors(path);
  const { size } = Deno.statSync(path);
  Deno.truncateSync(path, size - 1);
  assertEquals(
    await failure(file.read("w")),
    `Cannot read ${path}: it ends at byte ${
      size - 1
    } and ${size} were expected`,
  );
});

Deno.test("openSafetensors() gives a reader that is closed by its scope", async () => {
  using folder = temporaryFolder();
  const path = folder.file("a.safetensors");
  await writeSafetensors(path, [
    { name: "w", dtype: "U8", shape: [1], bytes: new Uint8Array(1) },
  ]);
  const file = await openSafetensors(path);
  file[Symbol.dispose]();
  file[Symbol.dispose]();
  await assertRejects(() => file.read("w"), TypeError, "closed");
});
