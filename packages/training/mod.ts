/**
 * Fine-tuning: data sets, losses, AdamW, schedules, the loop, evaluation.
 *
 * ```ts
 * import { learningRateAt } from "@wick/training";
 * import { assertClose } from "@wick/testing";
 *
 * const rate = learningRateAt(
 *   { kind: "cosine", learningRate: 1, warmupSteps: 0, steps: 4 },
 *   2,
 * );
 * assertClose([rate], [0.5]);
 * ```
 *
 * @module
 */
export { readExamples } from "./read_examples.ts";
export { tokenizeExample } from "./example.ts";
export type { Example, TokenizedExample, TokenizeOptions } from "./example.ts";
export { commonLength, makeBatch, stepExamples } from "./batches.ts";
export type { Batch, DataOrder } from "./batches.ts";
export { makePackedBatch, packExamples } from "./pack_examples.ts";
export { BatchSource } from "./batch_source.ts";
export type { BatchSourceOptions } from "./batch_source.ts";
export {
  IGNORED,
  languageModelLoss,
  shiftLabels,
  streamLoss,
} from "./language_model_loss.ts";
export type { LanguageModelLossOptions } from "./language_model_loss.ts";
export { chunkedLoss } from "./chunked_loss.ts";
export type { ChunkedLossOptions } from "./chunked_loss.ts";
export { clipScale, gradientNorm } from "./gradient_norm.ts";
export { GradientExchange } from "./gradient_exchange.ts";
export type {
  ExchangeTimes,
  GradientExchangeOptions,
} from "./gradient_exchange.ts";
export { EXCHANGE_DTYPES, type ExchangeDType } from "./exchange_numbers.ts";
export { AdamW } from "./adamw.ts";
export type { AdamWOptions, ParameterState } from "./adamw.ts";
export { learningRateAt, SCHEDULE_KINDS } from "./schedule.ts";
export type { Schedule, ScheduleKind } from "./schedule.ts";
export { trainStep } from "./train_step.ts";
export type { TrainStepOptions, TrainStepResult } from "./train_step.ts";
export { CapturedStep } from "./captured_step.ts";
export type { CapturedStepOptions, RecordedLoss } from "./captured_step.ts";
export { JointStep } from "./joint_step.ts";
export type {
  BatchTensors,
  JointStepOptions,
  RecordedLosses,
  StepPart,
} from "./joint_step.ts";
export { Trainer } from "./trainer.ts";
export { MultiAdapterTrainer } from "./multi_adapter_trainer.ts";
export type {
  AdapterJob,
  AdapterProgress,
  AdapterTrainerOptions,
  MultiAdapterTrainerOptions,
  MultiStepReport,
} from "./multi_adapter_trainer.ts";
export { joinBatches } from "./join_batches.ts";
export type { StepReport, TrainerOptions } from "./trainer_options.ts";
export type { Trainable } from "./trainable.ts";
export type { BestValidation, TrainingState } from "./training_state.ts";
export { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
export type { Checkpoint, WriteCheckpointOptions } from "./checkpoint.ts";
export { CheckpointStore } from "./checkpoint_store.ts";
export type { StoredCheckpoint } from "./checkpoint_store.ts";
export { FullModel } from "./full_model.ts";
export type { FullModelOptions } from "./full_model.ts";
export { DivergenceError } from "./divergence_error.ts";
export { evaluateLoss, exactMatch } from "./evaluate.ts";
export type { EvaluationOptions, LossReport, MatchResult } from "./evaluate.ts";
