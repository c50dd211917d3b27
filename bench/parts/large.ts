import { openDevice } from "@wick/async-exec";
import { CausalLanguageModel } from "@wick/models";
import { type Figure, type PartOptions, timed } from "../figure.ts";
import { trainingStep } from "../train_once.ts";

/**
 * Measures a step of training with LoRA of the model in a folder: one row of
 * 512 tokens.
 *
 * @param options The device and the folder.
 * @returns The figure; none without a folder.
 */
export async function large(
  { device: name, folder }: PartOptions,
): Promise<Figure[]> {
  if (folder === undefined) return [];
  using device = await openDevice({ device: name, announce: false });
  using model = await CausalLanguageModel.load(device, folder);
  using step = trainingStep(device, model, 1, 512);
  const { layers, hiddenSize } = model.config;
  const figure = await timed({
    ...{ group: "training", source: "wick", tokens: 512 },
    name: `${layers} layers of ${hiddenSize}, one row of 512`,
  }, async () => {
    const start = performance.now();
    await step.run();
    return (performance.now() - start) * 1000;
  }, { device, budget: 2000 });
  return [{ ...figure, dispatches: step.dispatches() }];
}
