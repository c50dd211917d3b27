import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { FileFormatError } from "../files/file_format_error.ts";
import { temporaryFolder } from "../files/temporary_folder.ts";
import { openSafetensors } from "./open_safetensors.ts";
import { toFloat32 } from "./to_float32.ts";
import { writeSafetensors } from "./write_safetensors.ts";

/** What can happen to a file on its way. */
const damage = fc.oneof(
  fc.record({
    kind: fc.constant("set"),
    at: fc.nat(),
    value: fc.integer({ min: 0, max: 255 }),
  }),
  fc.record({
    // Digits and JSON's own signs reach further than arbitrary bytes.
    kind: fc.constant("set"),
    at: fc.nat(),
    value: fc.constantFrom(
      ...[...'0123456789-.e"{}[],:'].map((sign) => sign.charCodeAt(0)),
    ),
  }),
  fc.record({
    kind: fc.constantFrom("cut", "insert", "remove"),
    at: fc.nat(),
    value: fc.integer({ min: 0, max: 255 }),
  }),
);

function apply(
  bytes: number[],
  { kind, at, value }: { kind: string; at: number; value: number },
): number[] {
  const place = bytes.length === 0 ? 0 : at % bytes.length;
  switch (kind) {
    case "cut":
      return bytes.slice(0, place);
    case "insert":
      return bytes.toSpliced(place, 0, value);
    case "remove":
      return bytes.toSpliced(place, 1);
    default:
      return bytes.length === 0 ? [] : bytes.with(place, value);
  }
}

Deno.test("openSafetensors() reads a damaged file or refuses it in one line", async () => {
  using folder = temporaryFolder();
  const path = folder.file("a.safetensors");
  await writeSafetensors(path, [
    { name: "a", dtype: "F32", shape: [8, 8], bytes: new Uint8Array(256) },
    { name: "b", dtype: "F16", shape: [3], bytes: new Uint8Array(6) },
    { name: "c", dtype: "U8", shape: [], bytes: new Uint8Array(1) },
  ], {});
  const sound = [...await Deno.readFile(path)];
  const counts = { read: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(damage, { minLength: 1, maxLength: 4 }),
      async (damages) => {
        const bytes = damages.reduce(apply, sound);
        await Deno.writeFile(path, Uint8Array.from(bytes));
        try {
          using file = await openSafetensors(path);
          for (const name of file.names()) {
            const raw = await file.read(name);
            assertEquals(raw.bytes.length <= bytes.length, true);
            if (/^B?F/.test(raw.dtype)) {
              const count = raw.shape.reduce((a, b) => a * b, 1);
              assertEquals(toFloat32(raw).length, count);
            }
          }
          counts.read++;
        } catch (error) {
          if (!(error instanceof FileFormatError)) throw error;
          assertEquals(error.message.startsWith(`Cannot read ${path}: `), true);
          assertEquals(/[\r\n]/.test(error.message), false);
          counts.refused++;
        }
      },
    ),
    { numRuns: 600, seed: 2 },
  );
  // Both ways must have been walked for the test to mean anything.
  assertEquals([counts.read > 50, counts.refused > 100], [true, true]);
});
