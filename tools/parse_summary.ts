/** Numbers of tests. */
export interface Counts {
  /** Those that held. */
  passed: number;
  /** Those that did not. */
  failed: number;
  /** Those that were ignored. */
  skipped: number;
}

/** The escape character, which begins a change of colour. */
const ESCAPE = "\u001b";
const COLOUR = new RegExp(`${ESCAPE}\\[[\\d;]*m`, "g");

/**
 * Reads the last line of `deno test`, such as
 * `ok | 17 passed (3 steps) | 0 failed | 2 ignored (446ms)`.
 *
 * @param output What `deno test` printed.
 * @returns The numbers, or `undefined` where it ended without that line.
 */
export function parseSummary(output: string): Counts | undefined {
  const line = output.replace(COLOUR, "").split("\n")
    .findLast((line) => /^(?:ok|FAILED) \| \d+ passed/.test(line));
  if (line === undefined) return undefined;
  const count = (word: string): number =>
    Number(new RegExp(`\\| (\\d+) ${word}`).exec(line)?.[1] ?? 0);
  return {
    passed: count("passed"),
    failed: count("failed"),
    skipped: count("ignored"),
  };
}
