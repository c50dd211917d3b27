import type { Device } from "@wick/async-exec";
import { adapterCases } from "./adapter_cases.ts";
import {
  CASE_KINDS,
  type CaseKind,
  type CaseResult,
  type ConformanceCase,
  runCase,
} from "./case_result.ts";
import { embeddingCases } from "./embedding_cases.ts";
import { modelCases } from "./model_cases.ts";
import { opCases } from "./op_cases.ts";
import { subfolders } from "./subfolders.ts";
import { tokenizerCases } from "./tokenizer_cases.ts";
import { trainingCases } from "./training_cases.ts";

/** Options of {@linkcode runConformance}. */
export interface ConformanceOptions {
  /** The kinds to run; all that the folder has if absent. */
  readonly only?: CaseKind;
  /** Picks cases; all if absent. */
  readonly filter?: (conformanceCase: ConformanceCase) => boolean;
  /** Called after each case. */
  readonly onResult?: (result: CaseResult) => void;
}

/** How the cases of a folder went. */
export interface ConformanceReport {
  /** What computed. */
  readonly device: "cpu" | "webgpu";
  /** Every case. */
  readonly cases: readonly CaseResult[];
  /** How many passed. */
  readonly passed: number;
  /** How many failed. */
  readonly failed: number;
}

const LISTS: Readonly<
  Record<
    CaseKind,
    (folder: string, device: Device) => Promise<ConformanceCase[]>
  >
> = {
  ops: opCases,
  models: modelCases,
  adapters: adapterCases,
  training: trainingCases,
  embeddings: embeddingCases,
  tokenizers: tokenizerCases,
};

/**
 * Runs the cases of a golden folder on a device, one after another.
 *
 * @param folder The folder, with a folder for any of the kinds in it.
 * @param device What computes.
 * @param options Which cases.
 * @returns How they went.
 * @throws {RangeError} If the folder has no case of the wanted kinds.
 */
export async function runConformance(
  folder: string,
  device: Device,
  options: ConformanceOptions = {},
): Promise<ConformanceReport> {
  const { only, filter = () => true, onResult } = options;
  const present = await subfolders(folder);
  const kinds = CASE_KINDS.filter((kind) =>
    present.includes(kind) && (only === undefined || kind === only)
  );
  const cases: CaseResult[] = [];
  for (const kind of kinds) {
    const listing = await list(kind, folder, device);
    for (const listed of listing.filter(filter)) {
      const result = await runCase(listed);
      cases.push(result);
      onResult?.(result);
    }
  }
  if (cases.length === 0) {
    throw new RangeError(
      `Cannot find a case in ${folder}: it must have ${
        only ?? CASE_KINDS.join(", ")
      } in the form of testdata/conformance`,
    );
  }
  const passed = cases.filter((result) => result.passed).length;
  return {
    device: device.name,
    cases,
    passed,
    failed: cases.length - passed,
  };
}

/** Lists the cases; a list that cannot be read is one case that fails. */
async function list(
  kind: CaseKind,
  folder: string,
  device: Device,
): Promise<ConformanceCase[]> {
  try {
    return await LISTS[kind](folder, device);
  } catch (error) {
    return [{ kind, name: kind, run: () => Promise.reject(error) }];
  }
}
