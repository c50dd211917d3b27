import type { Difference } from "./difference.ts";

/** The kinds of cases, in the order in which they are run. */
export const CASE_KINDS = [
  "ops",
  "models",
  "adapters",
  "training",
  "embeddings",
  "tokenizers",
] as const;

/** A kind of cases. */
export type CaseKind = typeof CASE_KINDS[number];

/** How one case went, as the JSON report has it. */
export interface CaseResult {
  /** What is compared. */
  readonly kind: CaseKind;
  /** The name in the manifest, or of the folder. */
  readonly name: string;
  /** Whether every bound held. */
  readonly passed: boolean;
  /** The largest difference; `null` if nothing was compared or it is no number. */
  readonly maxAbsoluteError: number | null;
  /** The largest difference in parts of the wanted value, in the same way. */
  readonly maxRelativeError: number | null;
  /** What is wrong; empty where the case passed. */
  readonly message: string;
}

/** A case that can be run. */
export interface ConformanceCase {
  /** What it compares. */
  readonly kind: CaseKind;
  /** Its name. */
  readonly name: string;
  /** Compares, and gives a difference for each thing that was compared. */
  run(): Promise<Difference[]>;
}

/**
 * Runs a case. One that throws is a failed one: the run goes on.
 *
 * @param conformanceCase The case.
 * @returns How it went.
 */
export async function runCase(
  { kind, name, run }: ConformanceCase,
): Promise<CaseResult> {
  try {
    const differences = await run();
    if (differences.length === 0) {
      throw new RangeError(`Cannot check ${name}: it compares nothing`);
    }
    const problems = differences.flatMap(({ problem }) => problem ?? []);
    return {
      kind,
      name,
      passed: problems.length === 0,
      maxAbsoluteError: largest(differences.map(({ absolute }) => absolute)),
      maxRelativeError: largest(differences.map(({ relative }) => relative)),
      message: problems.join("; "),
    };
  } catch (error) {
    return {
      kind,
      name,
      passed: false,
      maxAbsoluteError: null,
      maxRelativeError: null,
      message: oneLine(error),
    };
  }
}

/** JSON has no infinity and no NaN. */
function largest(values: readonly number[]): number | null {
  const value = Math.max(...values);
  return Number.isFinite(value) ? value : null;
}

function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s+/g, " ").trim() || "It failed without a message";
}
