import type { Plan } from "./plan.ts";
import { stepTraffic } from "./plan_summary.ts";

/**
 * Writes the steps of a plan, as they were timed, in the form that
 * `chrome://tracing` and Perfetto show: one after the other, as a device that
 * runs one kernel at a time does.
 *
 * @example Usage
 * ```ts
 * import { exp } from "@wick/core-tensor";
 * import { openDevice } from "@wick/async-exec";
 * import { toChromeTrace } from "@wick/graph";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * const plan = device.planOf([exp(device.tensor([1, 2]))]);
 * const { traceEvents } = JSON.parse(toChromeTrace(plan, [0.25]));
 * assertEquals(traceEvents[0].name, "exp");
 * assertEquals(traceEvents[0].dur, 250);
 * ```
 *
 * @param plan The plan.
 * @param milliseconds How long each step took.
 * @returns JSON.
 * @throws {RangeError} If there are not as many times as steps.
 * @see {@link https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU | Trace event format}
 */
export function toChromeTrace(
  plan: Plan,
  milliseconds: readonly number[],
): string {
  if (milliseconds.length !== plan.steps.length) {
    throw new RangeError(
      `Cannot trace ${plan.steps.length} steps with ${milliseconds.length} times: each needs one`,
    );
  }
  let microseconds = 0;
  const traceEvents = plan.steps.map((step, index) => {
    const start = microseconds;
    const duration = milliseconds[index]! * 1000;
    microseconds += duration;
    return {
      name: step.label,
      cat: step.main?.operation.name ?? "elementwise",
      ph: "X",
      pid: 1,
      tid: 1,
      ts: start,
      dur: duration,
      args: {
        step: index + 1,
        result: `${step.dtype} [${step.shape}]`,
        ...stepTraffic(step),
      },
    };
  });
  return JSON.stringify({ traceEvents, displayTimeUnit: "ms" });
}
