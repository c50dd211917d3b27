/**
 * Proof without a Mac that a kernel is accepted there.
 *
 * ```ts
 * import { toMetal } from "@wick/testing/metal";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const metal = toMetal("@compute @workgroup_size(1) fn main() {}");
 * assertStringIncludes(metal, "kernel void main_(");
 * ```
 *
 * @module
 */
import { translate } from "naga-wasm";

/**
 * Translates a shader to the Metal Shading Language with naga, as Deno does on
 * a Mac. Needs leave to read naga's WebAssembly file.
 *
 * @example Usage
 * ```ts
 * import { toMetal } from "@wick/testing/metal";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => toMetal("fn main() { return 1; }"), Error);
 * ```
 *
 * @param text WGSL.
 * @returns The same in the Metal Shading Language.
 * @throws {NagaError} Where the text is not valid; the message shows the line.
 */
export function toMetal(text: string): string {
  return translate({
    from: "wgsl",
    to: "msl",
    source: text,
    options: { langVersion: [2, 4] },
  });
}
