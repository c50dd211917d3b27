/**
 * The `wick` program: trains LoRA adapters, generates and evaluates with them,
 * looks into files, and checks the device.
 *
 * ```sh
 * deno run -A jsr:@wick/cli train --model DIR --data DIR --output DIR
 * ```
 *
 * @module
 */
export { EXIT_CODES, run } from "./run.ts";
export { type Io, processIo } from "./io.ts";
export {
  type ProgressOptions,
  type ShownStep,
  TrainingProgress,
} from "./training_progress.ts";
export { quantizeArguments } from "./quantize_option.ts";
