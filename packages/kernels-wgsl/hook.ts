import { closingBracket } from "./closing_bracket.ts";
import { kernelText } from "./kernel_text.ts";
import { stripComments } from "./strip_comments.ts";

/**
 * Tells whether a kernel has a function of that name, whose body can be
 * replaced. The entry point is none.
 *
 * @example Usage
 * ```ts
 * import { hasHook } from "@wick/kernels-wgsl";
 * import { assert } from "@std/assert";
 *
 * assert(hasHook("elementwise", "epilogue"));
 * assert(!hasHook("elementwise", "main"));
 * ```
 *
 * @param name The kernel.
 * @param hook The function.
 * @returns Whether the kernel has it.
 * @throws {RangeError} Where there is no such kernel.
 */
export function hasHook(name: string, hook: string): boolean {
  return hookBody(stripComments(kernelText(name)), hook) !== undefined;
}

/**
 * Replaces the body of a function.
 *
 * @param text A kernel without comments.
 * @param hook The function.
 * @param body What stands between its braces from now on.
 * @returns The kernel with the new body.
 * @throws {RangeError} Where the kernel has no such function.
 */
export function replaceBody(text: string, hook: string, body: string): string {
  const range = hookBody(text, hook);
  if (!range) {
    throw new RangeError(
      `Cannot replace "${hook}": the kernel has no such function`,
    );
  }
  const [start, end] = range;
  return `${text.slice(0, start)}\n  ${body.trim()}\n${text.slice(end)}`;
}

/**
 * Finds the body of a function that is not an entry point.
 *
 * @param text A kernel without comments.
 * @param hook The function.
 * @returns Where its body starts and ends, or `undefined` if there is none.
 */
export function hookBody(
  text: string,
  hook: string,
): [number, number] | undefined {
  const head = new RegExp(`(@compute[^{};]*)?\\bfn ${hook}\\s*\\(`).exec(text);
  if (!head || head[1] !== undefined) return undefined;
  const open = head.index + head[0].length - 1;
  const brace = text.indexOf("{", closingBracket(text, open));
  return [brace + 1, closingBracket(text, brace)];
}
