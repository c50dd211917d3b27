import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { failure } from "../files/failure.ts";
import { temporaryFolder } from "../files/temporary_folder.ts";
import {
  bytesPerElement,
  isSafetensorsDtype,
  SAFETENSORS_DTYPES,
} from "./dtype.ts";
import { openSafetensors } from "./open_safetensors.ts";
import type { NamedTensor } from "./encode_safetensors.ts";
import { writeSafetensors } from "./write_safetensors.ts";

const tensors: fc.Arbitrary<NamedTensor[]> = fc.uniqueArray(
  fc.record({
    name: fc.string({ unit: "binary" })
      .filter((name) => name !== "__metadata__" && name.isWellFormed()),
    dtype: fc.constantFrom(...SAFETENSORS_DTYPES.filter(isSafetensorsDtype)),
    shape: fc.array(fc.nat({ max: 4 }), { maxLength: 3 }),
    seed: fc.nat({ max: 255 }),
  }),
  { selector: ({ name }) => name, maxLength: 6 },
).map((list) =>
  list.map(({ seed, ...tensor }) => {
    const size = bytesPerElement(tensor.dtype);
    const bytes = new Uint8Array(tensor.shape.reduce((a, b) => a * b, size));
    return { ...tensor, bytes: bytes.map((_, i) => (seed + i * 31) % 256) };
  })
);

Deno.test("writeSafetensors() writes what openSafetensors() reads", async () => {
  using folder = temporaryFolder();
  const path = folder.file("a.safetensors");
  const metadata = fc.dictionary(fc.string(), fc.string(), {
    maxKeys: 3,
    noNullPrototype: true,
  });
  await fc.assert(
    fc.asyncProperty(tensors, metadata, async (list, texts) => {
      await writeSafetensors(path, list, texts);
      using file = await openSafetensors(path);
      assertEquals(file.metadata, texts);
      assertEquals(
        file.names().toSorted(),
        list.map(({ name }) => name).sort(),
      );
      const { size } = await Deno.stat(path);
      const data = size -
        list.reduce((sum, { bytes }) => sum + bytes.length, 0);
      assertEquals(data % 8, 0);
      for (const { name, dtype, shape, bytes } of list) {
        assertEquals<unknown>(await file.read(name), {
          name,
          path,
          dtype,
          shape,
          bytes,
        });
        assertEquals(file.info(name).begin % bytesPerElement(dtype), 0);
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("writeSafetensors() copies a file of PyTorch byte for byte", async () => {
  using folder = temporaryFolder();
  const { pathname } = new URL(
    "../../../testdata/conformance/models/tiny-qwen2/model.safetensors",
    import.meta.url,
  );
  using file = await openSafetensors(pathname);
  const list: NamedTensor[] = [];
  for (const name of file.names()) {
    list.push({ ...await file.read(name), name });
  }
  const copy = folder.file("a.safetensors");
  await writeSafetensors(copy, list.toReversed(), file.metadata);
  assertEquals(await Deno.readFile(copy), await Deno.readFile(pathname));
});

Deno.test("writeSafetensors() refuses what would make an unsound file", async () => {
  using folder = temporaryFolder();
  const path = folder.file("a.safetensors");
  const w = { name: "w", dtype: "F32", shape: [2], bytes: new Uint8Array(8) };
  const good = { ...w, dtype: "F32" as const };
  await assertRejects(
    () => writeSafetensors(path, [good, good]),
    RangeError,
    'Cannot write the tensor "w": the name is taken',
  );
  await assertRejects(
    () => writeSafetensors(path, [{ ...good, name: "__metadata__" }]),
    RangeError,
    'Cannot write the tensor "__metadata__": the name is taken',
  );
  await assertRejects(
    () => writeSafetensors(path, [{ ...good, shape: [3] }]),
    RangeError,
    'Cannot write the tensor "w": F32 [3] needs 12 bytes and has 8',
  );
  assertEquals([...Deno.readDirSync(folder.path)], []);
});

Deno.test("writeSafetensors() names the file that it cannot write", async () => {
  using folder = temporaryFolder();
  const path = folder.file("absent/a.safetensors");
  assertEquals(
    await failure(writeSafetensors(path, [])),
    `Cannot write ${path}: the folder it belongs in does not exist`,
  );
});
