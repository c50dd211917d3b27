/** Thrown when the loss or the gradient is no number any more. */
export class DivergenceError extends Error {
  /** The name of the class. */
  override readonly name = "DivergenceError";
  /** The step at which it was seen, from 1. */
  readonly step: number;

  /**
   * Makes the error.
   *
   * @param step The step.
   * @param problem What was seen, where, and what to try.
   */
  constructor(step: number, problem: string) {
    super(`Cannot train on from step ${step}: ${problem}`);
    this.step = step;
  }
}
