import type { Plan, Step } from "./plan.ts";
import { planSummary, stepTraffic } from "./plan_summary.ts";

/** Options of {@linkcode explain}. */
export interface ExplainOptions {
  /**
   * How long each dispatch took, as `Capture.time()` measures it on a device
   * that was opened with `timestamps`; not shown if absent.
   */
  readonly milliseconds?: readonly number[];
}

/**
 * Prints a plan for people: a row for each dispatch with what it reads and
 * writes, then what fusion and the sharing of buffers save: the most memory that
 * temporary values take at once, with shared buffers and without.
 *
 * @example Usage
 * ```ts
 * import { exp, mul } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { explain } from "@wick/graph";
 * import { assertStringIncludes } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * const x = device.tensor([1, 2, 3]);
 * const text = explain(device.planOf([exp(mul(x, x))]));
 * assertStringIncludes(text, "mul+exp");
 * assertStringIncludes(text, "2 dispatches before fusion, 1 after");
 * ```
 *
 * @param plan The plan.
 * @param options Times to show.
 * @returns The text, without a line break at its end.
 * @throws {RangeError} If there is not one time for each dispatch.
 */
export function explain(plan: Plan, options: ExplainOptions = {}): string {
  const { milliseconds } = options;
  if (milliseconds && milliseconds.length !== plan.steps.length) {
    throw new RangeError(
      `Cannot explain ${plan.steps.length} dispatches with ${milliseconds.length} times: each needs one`,
    );
  }
  const summary = planSummary(plan);
  const rows = plan.steps.map((step, index) => {
    const { bytesRead, bytesWritten } = stepTraffic(step);
    return [
      `${index + 1}`,
      kernelName(step),
      step.label,
      `${step.dtype} [${step.shape.join(", ")}]`,
      bytes(bytesRead),
      bytes(bytesWritten),
      ...(milliseconds ? [milliseconds[index]!.toFixed(3)] : []),
    ];
  });
  const total = milliseconds?.reduce((sum, time) => sum + time, 0);
  const { dispatchesBefore, dispatches } = summary;
  return [
    ...table(
      [
        ...["step", "kernel", "operations", "result", "read", "written"],
        ...(milliseconds ? ["ms"] : []),
      ],
      rows,
    ),
    "",
    `${summary.nodes} nodes, ${dispatchesBefore} dispatches before fusion, ${dispatches} after`,
    `${bytes(summary.bytesRead)} read, ${bytes(summary.bytesWritten)} written`,
    `${bytes(summary.temporaryBytes)} of temporary memory, ${
      bytes(summary.unsharedBytes)
    } without sharing`,
    ...(total === undefined ? [] : [`${total.toFixed(3)} ms`]),
  ].join("\n");
}

/** What the step's own kernel computes, without what is fused into it. */
function kernelName({ main }: Step): string {
  return main?.operation.name ?? "elementwise";
}

const UNITS = ["B", "KiB", "MiB", "GiB"] as const;

/** Bytes with a unit: `1.5 KiB`. */
function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** Lines with columns as wide as their longest cell. */
function table(head: string[], rows: string[][]): string[] {
  const lines = [head, ...rows];
  const widths = head.map((_, column) =>
    lines.reduce((width, line) => Math.max(width, line[column]!.length), 0)
  );
  return lines.map((line) =>
    line.map((cell, column) => cell.padEnd(widths[column]!)).join("  ")
      .trimEnd()
  );
}
