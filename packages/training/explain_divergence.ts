import type { Tensor } from "@wick/core-tensor";
import { gradients } from "@wick/graph";
import type { CausalLanguageModel } from "@wick/models";
import type { Batch } from "./batches.ts";
import { languageModelLoss } from "./language_model_loss.ts";
import type { Trainable } from "./trainable.ts";

/** What was seen when training went wrong. */
export interface DivergenceSigns {
  /** The loss. */
  readonly loss: number;
  /** The norm of the gradient. */
  readonly gradientNorm: number;
  /** The highest learning rate. */
  readonly learningRate: number;
}

// So many names are enough to know where to look.
const NAMES = 3;

/**
 * Finds out where numbers stop being finite, by running the batches once more
 * and reading what is between: parameters, the stream after each layer,
 * gradients.
 *
 * @param model The model.
 * @param trainable What is trained, as it was before the step.
 * @param batches The micro-batches of the step.
 * @param signs What was seen.
 * @returns What is wrong, where, and what to try, as one line.
 */
export async function explainDivergence(
  model: CausalLanguageModel,
  trainable: Trainable,
  batches: readonly Batch[],
  { loss, gradientNorm, learningRate }: DivergenceSigns,
): Promise<string> {
  const what = `the loss is ${loss} and the gradient norm ${gradientNorm}`;
  const lower = `try a lower learning rate than ${learningRate}`;
  const advice = `${lower}, a longer warm-up or a smaller maximum norm`;
  const { parameters } = trainable;
  const spoiled = await notFinite(parameters);
  if (spoiled.length > 0) {
    return `${what}; not finite: the values of ${list(spoiled)}; ${advice}`;
  }
  for (const batch of batches) {
    const { streams, found } = await runAgain(model, parameters, batch);
    const [layer] = await notFinite(streams);
    if (layer !== undefined) {
      const weights = await notFinite(weightsAt(model, layer));
      return weights.length > 0
        ? `${what}; not finite: ${layer}, because of the model's own ${
          list(weights)
        }: an f16 that overflowed when the model was saved, or a damaged file; take another copy of the model`
        : `${what}; not finite: ${layer}, though all weights are; ${advice}`;
    }
    const bad = await notFinite(found);
    if (bad.length > 0) {
      return `${what}; not finite: the gradient of ${list(bad)}; ${advice}`;
    }
  }
  return `${what}, though every gradient is finite: their squares add up to more than f32 holds, or one batch has no token that counts; ${advice}`;
}

/** The stream before and after each layer, and all gradients, of a batch. */
async function runAgain(
  model: CausalLanguageModel,
  parameters: ReadonlyMap<string, Tensor>,
  batch: Batch,
): Promise<{ streams: Map<string, Tensor>; found: Map<string, Tensor> }> {
  const { device } = model;
  const shape = [batch.rows, batch.length];
  const input = (values: Int32Array): Tensor =>
    device.tensor(values, { shape });
  const streams = new Map<string, Tensor>();
  const loss = languageModelLoss(
    model,
    input(batch.ids),
    input(batch.nextIds),
    {
      ...(batch.positions && { positions: input(batch.positions) }),
      ...(batch.starts && { starts: input(batch.starts) }),
      parameters: [...parameters.values()],
      onLayer: (x) => streams.set(streamName(streams.size), x),
    },
  );
  const names = [...parameters.keys()];
  const all = gradients(loss, [...parameters.values()]);
  const found = new Map(
    all.map((gradient, index) => [names[index]!, gradient]),
  );
  await device.evaluateAsync([...streams.values(), loss, ...all]);
  streams.set("the logits or their loss", loss);
  return { streams, found };
}

function streamName(index: number): string {
  return index === 0
    ? "the embeddings"
    : `the output of model.layers.${index - 1}`;
}

/** The model's own weights that a place in the stream depends on directly. */
function weightsAt(
  { weights }: CausalLanguageModel,
  place: string,
): Map<string, Tensor> {
  const layer = /model\.layers\.\d+/.exec(place)?.[0];
  return new Map(
    [...weights].filter(([name]) =>
      layer ? name.startsWith(`${layer}.`) : !name.includes(".layers.")
    ),
  );
}

/** The names of the tensors that have an element that is not finite. */
async function notFinite(
  tensors: ReadonlyMap<string, Tensor>,
): Promise<string[]> {
  const names: string[] = [];
  for (const [name, tensor] of tensors) {
    const values = await tensor.data();
    if (!values.every(Number.isFinite)) names.push(name);
  }
  return names;
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, NAMES).join(", ");
  const rest = names.length - NAMES;
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}
