import type { Device } from "@wick/async-exec";
import { accumulate, mul, type Tensor } from "@wick/core-tensor";
import { gradients } from "@wick/graph";
import type { AdamW } from "./adamw.ts";
import { clipScale, gradientNorm } from "./gradient_norm.ts";

/** What one step of training is made with. */
export interface TrainStepOptions {
  /** The device. */
  readonly device: Device;
  /** What is trained. */
  readonly parameters: readonly Tensor[];
  /** What updates it. */
  readonly optimizer: AdamW;
  /** The learning rate of the step. */
  readonly learningRate: number;
  /** The largest norm of the gradient; infinite if absent. */
  readonly maxGradientNorm?: number;
  /**
   * Records the loss of each micro-batch; the gradient of their mean is used.
   * Each is called when the one before is evaluated.
   */
  readonly losses: readonly (() => Tensor)[];
}

/** What one step of training gave. */
export interface TrainStepResult {
  /** The mean loss of the micro-batches. */
  readonly loss: number;
  /** The norm of the gradient, before it was clipped. */
  readonly gradientNorm: number;
}

/**
 * Makes one step: loss, gradients, clipping and update in one evaluation for
 * the last micro-batch, with nothing read in between.
 *
 * @param options What it is made with.
 * @returns Loss and norm.
 */
export async function trainStep(
  options: TrainStepOptions,
): Promise<TrainStepResult> {
  const { device, parameters, optimizer, losses } = options;
  const { maxGradientNorm = Infinity, learningRate } = options;
  const share = 1 / losses.length;
  const parts: Tensor[] = [];
  let held: Tensor[] | undefined;
  const record = (loss: Tensor): Tensor[] => {
    const found = optimizer.flatten(gradients(loss, parameters));
    return found.map((part, i) => held ? accumulate(held[i]!, part) : part);
  };
  for (const recordLoss of losses.slice(0, -1)) {
    const loss = mul(recordLoss(), share);
    const sum = record(loss);
    device.evaluate([loss, ...sum]);
    if (held) { for (const part of sum) part.dispose(); }
    held ??= sum;
    parts.push(loss);
  }
  const loss = mul(losses.at(-1)!(), share);
  const total = record(loss);
  const norm = gradientNorm(total);
  optimizer.advance(learningRate);
  const updated = optimizer.update(total, clipScale(norm, maxGradientNorm));
  device.evaluate([loss, norm, ...updated]);
  parts.push(loss);
  const values = await Promise.all(parts.map((part) => part.item()));
  const result = {
    loss: values.reduce((sum, value) => Math.fround(sum + value), 0),
    gradientNorm: await norm.item(),
  };
  for (const tensor of [...parts, norm, ...updated, ...held ?? []]) {
    tensor.dispose();
  }
  return result;
}
