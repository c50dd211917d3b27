import type { Capture, Device } from "@wick/async-exec";
import { accumulate, mul, neg, type Tensor, where } from "@wick/core-tensor";
import { gradients } from "@wick/graph";
import type { AdamW } from "./adamw.ts";
import type { Batch } from "./batches.ts";
import { clipScale, gradientNorm } from "./gradient_norm.ts";
import type { TrainStepResult } from "./train_step.ts";

/** What a step of training is captured with. */
export interface CapturedStepOptions {
  /** The device. */
  readonly device: Device;
  /** What is trained. */
  readonly parameters: readonly Tensor[];
  /** What updates it. */
  readonly optimizer: AdamW;
  /** The rows and the length of a micro-batch. */
  readonly shape: readonly [rows: number, length: number];
  /** The micro-batches of a step; 1 if absent. */
  readonly accumulation?: number;
  /** The largest norm of the gradient; infinite if absent. */
  readonly maxGradientNorm?: number;
  /** Records the loss of a micro-batch, both `i32 [rows, length]`. */
  readonly loss: (ids: Tensor, nextIds: Tensor) => Tensor;
}

/**
 * One step of training, recorded and planned once, and replayed with new
 * batches: the same numbers as {@linkcode trainStep} gives, without recording,
 * planning or allocating anything.
 */
export class CapturedStep {
  readonly #options: CapturedStepOptions;
  readonly #ids: Tensor;
  readonly #nextIds: Tensor;
  /** The sum of the gradients of micro-batches; none if there is only one. */
  readonly #sum: Tensor | undefined;
  /** Loss of a micro-batch that is not the last. */
  readonly #partLoss: Tensor | undefined;
  readonly #part: Capture | undefined;
  /** Loss of the last micro-batch, and the norm: `[2]`. */
  readonly #report: Tensor;
  readonly #last: Capture;
  readonly #results: Tensor[] = [];

  /**
   * Captures a step.
   *
   * @param options What it is made with.
   */
  constructor(options: CapturedStepOptions) {
    const { device, parameters, optimizer, accumulation = 1 } = options;
    const { maxGradientNorm = Infinity, loss, shape } = options;
    this.#options = options;
    const tokens = new Int32Array(shape[0] * shape[1]);
    this.#ids = device.tensor(tokens, { shape });
    this.#nextIds = device.tensor(tokens, { shape });
    const record = (): readonly [loss: Tensor, gradient: Tensor] => {
      const share = mul(loss(this.#ids, this.#nextIds), 1 / accumulation);
      const found = optimizer.flatten(gradients(share, parameters));
      return [share, this.#sum ? accumulate(this.#sum, found) : found];
    };
    if (accumulation > 1) {
      this.#sum = device.zeros(optimizer.mean.shape);
      const [part, sum] = record();
      this.#partLoss = part;
      this.#part = device.capture([part, sum]);
      this.#results.push(this.#sum, part, sum);
    }
    const [share, total] = record();
    const norm = gradientNorm(total);
    const updated = optimizer.update(total, clipScale(norm, maxGradientNorm));
    // x - x: the sum is zero for the next step, in place.
    const cleared = this.#sum ? [accumulate(total, neg(total))] : [];
    const first = device.tensor([true, false]);
    this.#report = where(first, share, norm);
    this.#last = device.capture([this.#report, updated, ...cleared]);
    this.#results.push(first, this.#report, updated, ...cleared);
  }

  /**
   * Makes a step.
   *
   * @param batches The micro-batches, each of the captured shape.
   * @param learningRate The learning rate of the step.
   * @returns The mean loss and the norm of the gradient before clipping.
   */
  async run(
    batches: readonly Batch[],
    learningRate: number,
  ): Promise<TrainStepResult> {
    const { device, optimizer } = this.#options;
    optimizer.advance(learningRate);
    let total = 0;
    for (const [index, { ids, nextIds }] of batches.entries()) {
      device.write(this.#ids, ids);
      device.write(this.#nextIds, nextIds);
      if (index === batches.length - 1) break;
      this.#part!.run();
      total += await this.#partLoss!.item();
    }
    this.#last.run();
    const [loss, norm] = await this.#report.data();
    return { loss: total + loss!, gradientNorm: norm! };
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    this.#part?.[Symbol.dispose]();
    this.#last[Symbol.dispose]();
    for (const tensor of this.#results) tensor.dispose();
    this.#ids.dispose();
    this.#nextIds.dispose();
  }
}
