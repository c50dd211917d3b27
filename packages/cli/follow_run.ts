import type { Communicator } from "@wick/distributed";
import { Trainer } from "@wick/training";
import type { Io } from "./io.ts";
import { PATIENCE } from "./ranks.ts";
import type { ResumePoint } from "./resolve_train.ts";
import type { TrainSettings } from "./train_options.ts";
import type { TrainedModel } from "./trained_model.ts";
import type { RunData } from "./run_data.ts";

/** What a rank that saves nothing needs of a run. */
export interface FollowedRun {
  /** How it is trained. */
  readonly settings: TrainSettings;
  /** The model, and what of it is trained. */
  readonly trained: TrainedModel;
  /** The examples. */
  readonly data: RunData;
  /** Where the run goes on from, if it does. */
  readonly checkpoint: ResumePoint | undefined;
  /** The ranks. */
  readonly communicator: Communicator;
  /** Aborts when this rank is asked to stop. */
  readonly io: Io;
}

/**
 * Trains as a rank that prints, logs and saves nothing: rank 0 does.
 *
 * @param run The run.
 * @returns The exit code.
 */
export async function followRun(run: FollowedRun): Promise<number> {
  const { settings, trained, data, checkpoint, communicator, io } = run;
  // Rank 0 completes prompts first.
  await communicator.barrier(PATIENCE);
  const trainer = new Trainer(
    trained.model,
    trained.trainable,
    data.train,
    data.valid,
    {
      ...settings.trainer,
      communicator,
      signal: io.signal,
      ...(checkpoint && { state: checkpoint.state }),
    },
  );
  await trainer.run();
  return trainer.isStopped ? 130 : 0;
}
