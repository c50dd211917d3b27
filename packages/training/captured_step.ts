import type { Capture, Device } from "@wick/async-exec";
import {
  accumulate,
  mul,
  neg,
  reshape,
  slice,
  type Tensor,
  where,
} from "@wick/core-tensor";
import { gradients } from "@wick/graph";
import type { AdamW } from "./adamw.ts";
import type { Batch } from "./batches.ts";
import { clipScale, gradientNorm } from "./gradient_norm.ts";
import type { TrainStepResult } from "./train_step.ts";

/** The tensors of a micro-batch, all `i32 [rows, length]`. */
export interface BatchTensors {
  /** The tokens. */
  readonly ids: Tensor;
  /** The token after each. */
  readonly nextIds: Tensor;
  /** The position of each token, where examples share rows. */
  readonly positions?: Tensor;
  /** The first token that each one sees, where examples share rows. */
  readonly starts?: Tensor;
}

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
   * Called when the gradients of all micro-batches are summed and before they
   * are clipped: may change them in place, as other machines want, and gives
   * the loss to report. The gradients are what `AdamW.flatten()` gives. Loss
   * and gradients of a micro-batch count as much as its `share` says.
   */
  readonly exchange?: (
    gradients: readonly Tensor[],
    loss: number,
  ) => Promise<number>;
}

/** A micro-batch of one shape, captured. */
interface Part {
  readonly input: Tensor;
  readonly capture: Capture;
  /** Its loss, or loss and norm where the update is in the same capture. */
  readonly report: Tensor;
}

/**
 * One step of training, recorded and planned once for each shape of its
 * batches, and replayed: the same numbers as {@linkcode trainStep} gives,
 * without recording, planning or allocating anything. A step is gradients,
 * summed over micro-batches; what others want of them; clipping and update.
 */
export class CapturedStep {
  readonly #options: CapturedStepOptions;
  /** The sums of the gradients; none if one batch is all of a step. */
  readonly #sums: readonly Tensor[];
  /** How much a micro-batch counts, where that differs: `[]`. */
  readonly #weight: Tensor | undefined;
  readonly #parts = new Map<string, Part>();
  readonly #lasts = new Map<string, Part>();
  #update: { readonly capture: Capture; readonly norm: Tensor } | undefined;
  readonly #held: Tensor[] = [];

  /**
   * Prepares a step. Shapes are captured when they come up first.
   *
   * @param options What it is made with.
   */
  constructor(options: CapturedStepOptions) {
    const { device, optimizer, accumulation = 1, exchange } = options;
    this.#options = options;
    this.#sums = accumulation > 1 || exchange
      ? optimizer.shapes.map((shape) => device.zeros(shape))
      : [];
    this.#weight = exchange && device.tensor(1);
    this.#held.push(...this.#sums, ...(this.#weight ? [this.#weight] : []));
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
    const { device, optimizer, onBatch, exchange } = this.#options;
    const { accumulation = 1 } = this.#options;
    optimizer.advance(learningRate);
    let loss = 0;
    for (const [index, batch] of batches.entries()) {
      const isLast = !exchange && index === batches.length - 1;
      const { share = 1 } = batch;
      // The mean over no tokens is no number.
      if (share === 0) continue;
      if (this.#weight) device.write(this.#weight, [share / accumulation]);
      const part = isLast ? this.#last(batch) : this.#part(batch);
      device.write(part.input, inputOf(batch));
      onBatch?.(index);
      part.capture.run();
      if (!isLast) {
        loss += await part.report.item();
        continue;
      }
      const [last, norm] = await part.report.data();
      return { loss: loss + last!, gradientNorm: norm! };
    }
    const shared = await exchange!(this.#sums, loss);
    const { capture, norm } = this.#finish();
    capture.run();
    return { loss: shared, gradientNorm: await norm.item() };
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    for (
      const { capture } of [...this.#parts.values(), ...this.#lasts.values()]
    ) {
      capture[Symbol.dispose]();
    }
    this.#update?.capture[Symbol.dispose]();
    for (const tensor of this.#held) tensor.dispose();
  }

  /** A micro-batch whose gradients are only summed. */
  #part(batch: Batch): Part {
    return this.#captured(this.#parts, batch, (input) => {
      const { loss, found } = this.#record(input, batch);
      const sums = this.#summed(found);
      return { report: loss, roots: [...sums, loss] };
    });
  }

  /** The last micro-batch, with clipping and update in the same capture. */
  #last(batch: Batch): Part {
    return this.#captured(this.#lasts, batch, (input) => {
      const { loss, found } = this.#record(input, batch);
      const totals = this.#summed(found);
      const { norm, roots } = this.#recordUpdate(totals);
      const first = this.#options.device.tensor([true, false]);
      this.#held.push(first);
      const report = where(first, loss, norm);
      return { report, roots: [report, ...roots] };
    });
  }

  /** Clipping and update alone. */
  #finish(): { readonly capture: Capture; readonly norm: Tensor } {
    if (!this.#update) {
      const { norm, roots } = this.#recordUpdate(this.#sums);
      const capture = this.#options.device.capture([norm, ...roots]);
      this.#held.push(norm, ...roots);
      this.#update = { capture, norm };
    }
    return this.#update;
  }

  #captured(
    parts: Map<string, Part>,
    batch: Batch,
    record: (input: Tensor) => { report: Tensor; roots: Tensor[] },
  ): Part {
    const { device } = this.#options;
    const key = `${batch.rows} ${batch.length} ${batch.positions ? 1 : 0}`;
    const known = parts.get(key);
    if (known) return known;
    const input = device.tensor(inputOf(batch));
    const { report, roots } = record(input);
    const capture = device.capture(roots);
    this.#held.push(input, ...roots);
    const part = { input, capture, report };
    parts.set(key, part);
    return part;
  }

  #record(
    input: Tensor,
    { rows, length, positions }: Batch,
  ): { loss: Tensor; found: Tensor[] } {
    const { optimizer, parameters, accumulation = 1 } = this.#options;
    const plane = (index: number): Tensor =>
      reshape(
        slice(input, [index * rows * length], [(index + 1) * rows * length]),
        [rows, length],
      );
    const { loss, checkpoints } = this.#options.loss({
      ids: plane(0),
      nextIds: plane(1),
      ...(positions && { positions: plane(2), starts: plane(3) }),
    });
    const share = mul(loss, this.#weight ?? 1 / accumulation);
    const found = optimizer.flatten(
      gradients(share, parameters, { ...(checkpoints && { checkpoints }) }),
    );
    return { loss: share, found };
  }

  #summed(found: readonly Tensor[]): readonly Tensor[] {
    return this.#sums.length === 0
      ? found
      : found.map((gradient, i) => accumulate(this.#sums[i]!, gradient));
  }

  #recordUpdate(
    totals: readonly Tensor[],
  ): { norm: Tensor; roots: Tensor[] } {
    const { optimizer, maxGradientNorm = Infinity } = this.#options;
    const norm = gradientNorm(totals);
    const updated = optimizer.update(totals, clipScale(norm, maxGradientNorm));
    // x - x: the sums are zero for the next step, in place.
    const cleared = this.#sums.length === 0
      ? []
      : totals.map((total) => accumulate(total, neg(total)));
    return { norm, roots: [...updated, ...cleared] };
  }
}

/** All that a step is told of a batch, as one array: one write. */
function inputOf(
  { ids, nextIds, positions, starts }: Batch,
): Int32Array<ArrayBuffer> {
  const planes = [
    ids,
    nextIds,
    ...(positions && starts ? [positions, starts] : []),
  ];
  const input = new Int32Array(planes.length * ids.length);
  planes.forEach((plane, index) => input.set(plane, index * ids.length));
  return input;
}
