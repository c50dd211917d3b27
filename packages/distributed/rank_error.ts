/**
 * Thrown when the ranks of a job cannot go on together: one does not answer, or
 * the library that connects them failed. The job has to be aborted.
 *
 * ```ts
 * import { RankError } from "@wick/distributed";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new RankError("Cannot go on: rank 1 is gone").name, "RankError");
 * ```
 */
export class RankError extends Error {
  /** The name of the class. */
  override readonly name = "RankError";
}
