import type { Device } from "@wick/async-exec";
import type { Tensor } from "@wick/core-tensor";
import type { AdamW } from "./adamw.ts";
import type { Batch } from "./batches.ts";
import type { GradientExchange } from "./gradient_exchange.ts";
import { type BatchTensors, JointStep } from "./joint_step.ts";
import type { TrainStepResult } from "./train_step.ts";

/** A recorded loss. */
export interface RecordedLoss {
  /** The loss, `[]`. */
  readonly loss: Tensor;
  /** Between which tensors values are computed again; all are kept if absent. */
  readonly checkpoints?: readonly Tensor[];
}

/** What a step of training is captured with. */
export interface CapturedStepOptions {
  /** The device. */
  readonly device: Device;
  /** What is trained. */
  readonly parameters: readonly Tensor[];
  /** What updates it. */
  readonly optimizer: AdamW;
  /** The micro-batches of a step; 1 if absent. */
  readonly accumulation?: number;
  /** The largest norm of the gradient; infinite if absent. */
  readonly maxGradientNorm?: number;
  /** Records the loss of a micro-batch. */
  readonly loss: (batch: BatchTensors) => RecordedLoss;
  /** Called before each micro-batch is run, with its place in the step. */
  readonly onBatch?: (part: number) => void;
  /**
   * Sums the gradients over ranks before they are clipped; its shapes are those
   * of the optimizer. Loss and gradients of a micro-batch then count as much as
   * its `share` says, and the loss of a step is the part of this rank.
   */
  readonly exchange?: GradientExchange;
}

/**
 * One step of training, recorded and planned once for each shape of its
 * batches, and replayed: the same numbers as {@linkcode trainStep} gives,
 * without recording, planning or allocating anything.
 */
export class CapturedStep {
  readonly #step: JointStep;

  /**
   * Prepares a step. Shapes are captured when they come up first.
   *
   * @param options What it is made with.
   */
  constructor(options: CapturedStepOptions) {
    const { parameters, optimizer, maxGradientNorm, loss, ...rest } = options;
    this.#step = new JointStep({
      ...rest,
      parts: [{
        parameters,
        optimizer,
        ...(maxGradientNorm !== undefined && { maxGradientNorm }),
      }],
      loss: (batch) => {
        const recorded = loss(batch);
        return { ...recorded, losses: [recorded.loss] };
      },
    });
  }

  /**
   * Makes a step.
   *
   * @param batches The micro-batches.
   * @param learningRate The learning rate of the step.
   * @returns The mean loss and the norm of the gradient before clipping.
   */
  async run(
    batches: readonly Batch[],
    learningRate: number,
  ): Promise<TrainStepResult> {
    const [result] = await this.#step.run(batches, [learningRate]);
    return result!;
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    this.#step[Symbol.dispose]();
  }
}
