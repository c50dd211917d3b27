import { writeAll, writeAtomically } from "../files/write_atomically.ts";
import { encodeSafetensors, type NamedTensor } from "./encode_safetensors.ts";

/**
 * Writes a safetensors file, whole or not at all: to a temporary file beside it,
 * synced, then renamed. It is laid out as `encodeSafetensors()` says.
 *
 * @example Usage
 * ```ts
 * import { openSafetensors, writeSafetensors } from "@wick/models";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * const bytes = new Uint8Array([1, 0, 1]);
 * await writeSafetensors(path, [
 *   { name: "mask", dtype: "BOOL", shape: [3], bytes },
 * ], { format: "pt", rank: "8" });
 * {
 *   using file = await openSafetensors(path);
 *   assertEquals(file.metadata["rank"], "8");
 *   assertEquals((await file.read("mask")).bytes, bytes);
 * }
 * await Deno.remove(path);
 * ```
 *
 * @param path The file; its folder must exist.
 * @param tensors The tensors, in any order.
 * @param metadata Free-form texts. Readers of PyTorch models look for
 * `format: "pt"`, which is all there is by default.
 * @throws {RangeError} If a name stands twice or is `__metadata__`, or a
 * tensor's bytes do not fit its shape and element type.
 * @throws {FileFormatError} If the system refuses the file.
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<NamedTensor>,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  const parts = encodeSafetensors(tensors, metadata);
  await writeAtomically(path, async (file) => {
    for (const part of parts) await writeAll(file, part);
  });
}
