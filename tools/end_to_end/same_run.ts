import { assertEquals } from "@std/assert";
import { assertClose } from "@wick/testing";
import type { TicketsRun } from "./tickets_run.ts";

/**
 * Asserts that two devices came to the same: the same tokens, and losses that
 * differ no more than sums in another order do.
 *
 * @param actual The run of the device that is tested.
 * @param expected That of the CPU device.
 */
export function assertSameRun(actual: TicketsRun, expected: TicketsRun): void {
  const { device: _, losses, gradientNorms, ...tokens } = actual;
  assertEquals({ ...expected, ...tokens }, expected);
  assertClose(losses, expected.losses);
  assertClose(gradientNorms, expected.gradientNorms);
}
