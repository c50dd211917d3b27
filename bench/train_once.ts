import type { Device } from "@wick/async-exec";
import { LoraAdapter, loraConfig } from "@wick/lora";
import type { CausalLanguageModel } from "@wick/models";
import { AdamW, CapturedStep, languageModelLoss } from "@wick/training";

/** A step of training, ready to be run again and again. */
export interface TrainingStep extends Disposable {
  /** Runs it until its loss is read. */
  run(): Promise<number>;
  /** Kernels of the last run. */
  dispatches(): number;
}

/**
 * Makes a step of training that is the same each time: rank 16 on all linear
 * layers, AdamW, the gradient clipped.
 *
 * @param device The device.
 * @param model The model.
 * @param rows How many sequences.
 * @param length The tokens of each.
 * @param adapter The adapter; a fresh one if absent.
 * @returns The step.
 */
export function trainingStep(
  device: Device,
  model: CausalLanguageModel,
  rows: number,
  length: number,
  adapter: LoraAdapter = LoraAdapter.inject(
    model,
    loraConfig({ rank: 16, alpha: 32 }),
  ),
): TrainingStep {
  const parameters = [...adapter.parameters.values()];
  const optimizer = new AdamW(device, parameters);
  const step = new CapturedStep({
    device,
    parameters,
    optimizer,
    maxGradientNorm: 1,
    loss: ({ ids, nextIds }) => ({
      loss: languageModelLoss(model, ids, nextIds, { parameters }),
    }),
  });
  const count = rows * length;
  const { vocabularySize } = model.config;
  const ids = Int32Array.from(
    { length: count },
    (_, i) => (i * 37) % vocabularySize,
  );
  const nextIds = ids.map((_, i) =>
    (i + 1) % length === 0 ? -100 : ids[i + 1]!
  );
  const counted = count - rows;
  const batches = [{ ids, nextIds, rows, length, tokens: count, counted }];
  let before = 0;
  let after = 0;
  return {
    async run() {
      before = device.statistics().dispatches;
      const { loss } = await step.run(batches, 1e-4);
      after = device.statistics().dispatches;
      return loss;
    },
    dispatches: () => after - before,
    [Symbol.dispose]() {
      step[Symbol.dispose]();
      optimizer[Symbol.dispose]();
      adapter[Symbol.dispose]();
    },
  };
}
