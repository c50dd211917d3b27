/**
 * Removes comments and empty lines, so that code can be found by its text and
 * written-out loops stay short. The marks `// @unroll` and `// @registers`
 * stay.
 *
 * @param text A kernel.
 * @returns Its code.
 */
export function stripComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, " ")
    .replace(
      /\/\/[ \t]*(@(?:unroll|registers)\b)?[^\n]*/g,
      (_, mark) => mark ? `// ${mark}` : "",
    )
    .replace(/[ \t]+$/gm, "")
    .replace(/\n{2,}/g, "\n")
    .replace(/^\n/, "");
}
