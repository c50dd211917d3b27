import type { ParameterState } from "./adamw.ts";

/** All that a run needs to go on with the same bits as if it never stopped. */
export interface TrainingState {
  /** The steps made: the position in the schedule and in the data, too. */
  readonly step: number;
  /** The trained tensors, and what the optimizer remembers, by name. */
  readonly parameters: ReadonlyMap<string, ParameterState>;
  /** The best validation so far; none if there was none. */
  readonly best: BestValidation | undefined;
  /** The validations since then. */
  readonly validationsSinceBest: number;
}

/** A validation that no other was better than. */
export interface BestValidation {
  /** After which step. */
  readonly step: number;
  /** The loss. */
  readonly loss: number;
}
