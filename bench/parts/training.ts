import { type Device, openDevice } from "@wick/async-exec";
import { type Figure, type PartOptions, timed } from "../figure.ts";
import { randomModel } from "../random_model.ts";
import { TICKETS } from "../tickets_model.ts";
import { type TrainingStep, trainingStep } from "../train_once.ts";
import { CausalLanguageModel } from "@wick/models";

/**
 * Measures steps of training with LoRA: that of the tickets example, and how
 * the cost of a step grows with its tokens.
 *
 * @param options The device, and how large.
 * @returns The figures.
 */
export async function training(
  { device: name, large }: PartOptions,
): Promise<Figure[]> {
  using device = await openDevice({ device: name, announce: false });
  const figures: Figure[] = [];
  {
    using model = await CausalLanguageModel.load(device, TICKETS);
    using step = trainingStep(device, model, 16, 72);
    const tokens = 16 * 72;
    figures.push(
      await timedStep(device, step, {
        ...{ group: "training", name: "tickets, 16 rows of 72", tokens },
        operations: operationsOf(model, tokens),
      }),
    );
  }
  const sizes = large
    ? { layers: 4, hidden: 896, intermediate: 4864, vocabulary: 16384 }
    : { layers: 2, hidden: 128, intermediate: 352, vocabulary: 1024 };
  using model = await randomModel(device, {
    ...sizes,
    ...{ heads: sizes.hidden / 64, keyValueHeads: 2, positions: 8192 },
  });
  const rows = large ? [1, 2, 4, 8, 16, 32] : [1, 2, 4, 8];
  for (const count of rows) {
    const tokens = count * 128;
    using step = trainingStep(device, model, count, 128);
    figures.push(
      await timedStep(device, step, {
        ...{ group: "growth: tokens of a step", name: `${tokens} tokens` },
        ...{ tokens, x: tokens, operations: operationsOf(model, tokens) },
      }),
    );
  }
  return figures;
}

async function timedStep(
  device: Device,
  step: TrainingStep,
  label: Pick<Figure, "group" | "name" | "tokens" | "operations" | "x">,
): Promise<Figure> {
  const figure = await timed({ source: "wick", ...label }, async () => {
    const start = performance.now();
    await step.run();
    return (performance.now() - start) * 1000;
  }, { device, budget: 1000 });
  return { ...figure, dispatches: step.dispatches() };
}

/**
 * Two operations a weight and token forward, and as many backward, since the
 * frozen weights have no gradient.
 */
function operationsOf(model: CausalLanguageModel, tokens: number): number {
  let weights = 0;
  for (const { shape } of model.weights.values()) {
    if (shape.length === 2) weights += shape[0]! * shape[1]!;
  }
  return 4 * weights * tokens;
}
