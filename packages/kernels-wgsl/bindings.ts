import { kernelText } from "./kernel_text.ts";
import { stripComments } from "./strip_comments.ts";

/** A buffer that a kernel asks for. */
export interface Binding {
  /** Its name in the kernel. */
  name: string;
  /** Its bind group. */
  group: number;
  /** Its number in the bind group. */
  binding: number;
  /** How the kernel uses it. */
  access: "read" | "read_write" | "uniform";
  /** Its type as the kernel writes it, like `array<vec4<f32>>`. */
  type: string;
}

const BINDING =
  /@group\((\d+)\)\s*@binding\((\d+)\)\s*var<([^>]*)>\s*(\w+)\s*:\s*([^;]+);/g;

/**
 * Lists the bindings that a kernel declares itself, in the order of its text.
 *
 * @example Usage
 * ```ts
 * import { bindings } from "@wick/kernels-wgsl";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(bindings("elementwise"), [
 *   {
 *     name: "out",
 *     group: 0,
 *     binding: 0,
 *     access: "read_write",
 *     type: "array<Output>",
 *   },
 * ]);
 * ```
 *
 * @param name The kernel.
 * @returns Its bindings.
 * @throws {RangeError} Where there is no such kernel.
 */
export function bindings(name: string): Binding[] {
  return parseBindings(stripComments(kernelText(name)));
}

/**
 * Lists the bindings in a text.
 *
 * @param text Shader text without comments.
 * @returns Its bindings.
 */
export function parseBindings(text: string): Binding[] {
  return [...text.matchAll(BINDING)].map(
    ([, group, binding, space, name, type]) => ({
      name: name!,
      group: Number(group),
      binding: Number(binding),
      access: accessOf(space!),
      type: type!.replace(/\s+/g, " ").trim(),
    }),
  );
}

function accessOf(space: string): Binding["access"] {
  if (space.trim() === "uniform") return "uniform";
  return /\bread_write\b/.test(space) ? "read_write" : "read";
}
