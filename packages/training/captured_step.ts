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
import type { GradientExchange } from "./gradient_exchange.ts";
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
   * Sums the gradients over ranks before they are clipped; its shapes are those
   * of the optimizer. Loss and gradients of a micro-batch then count as much as
   * its `share` says, and the loss of a step is the part of this rank.
   */
  readonly exchange?: GradientExchange;
}

/** A micro-batch of one shape, captured. */
interface Part {
  readonly input: Tensor;
  readonly capture: Capture;
}

/** The end of a step. */
interface Ending {
  readonly capture: Capture;
  /** Loss and norm, `[2]`. */
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
  /** The sum of the losses, `[]`; none if one batch is all of a step. */
  readonly #loss: Tensor | undefined;
  /** How much a micro-batch counts, where that differs: `[]`. */
  readonly #weight: Tensor | undefined;
  readonly #parts = new Map<string, Part>();
  readonly #lasts = new Map<string, Part & Ending>();
  #update: Ending | undefined;
  readonly #held: Tensor[] = [];

  /**
   * Prepares a step. Shapes are captured when they come up first.
   *
   * @param options What it is made with.
   */
  constructor(options: CapturedStepOptions) {
    const { device, optimizer, accumulation = 1, exchange } = options;
    this.#options = options;
    const sums = accumulation > 1 && !exchange
      ? optimizer.shapes.map((shape) => device.zeros(shape))
      : [];
    this.#sums = exchange?.sums ?? sums;
    this.#loss = this.#sums.length > 0 ? device.tensor(0) : undefined;
    this.#weight = exchange && device.tensor(1);
    for (const tensor of [...sums, this.#loss, this.#weight]) {
      if (tensor) this.#held.push(tensor);
    }
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
    let ending: Ending | undefined;
    for (const [index, batch] of batches.entries()) {
      const isLast = !exchange && index === batches.length - 1;
      const { share = 1 } = batch;
      // The mean over no tokens is no number.
      if (share === 0) continue;
      if (this.#weight) device.write(this.#weight, [share / accumulation]);
      const last = isLast ? this.#last(batch) : undefined;
      ending = last ?? ending;
      const part: Part = last ?? this.#part(batch);
      device.write(part.input, inputOf(batch));
      onBatch?.(index);
      part.capture.run();
    }
    if (exchange) {
      await exchange.run();
      ending = this.#finish(exchange);
      ending.capture.run();
    }
    // Nothing is read before: the device need not wait for the host.
    const [loss, norm] = await ending!.report.data();
    return { loss: loss!, gradientNorm: norm! };
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
      return { roots: [...this.#summed(found), accumulate(this.#loss!, loss)] };
    });
  }

  /** The last micro-batch, with clipping and update in the same capture. */
  #last(batch: Batch): Part & Ending {
    return this.#captured(this.#lasts, batch, (input) => {
      const { loss, found } = this.#record(input, batch);
      const totals = this.#summed(found);
      if (!this.#loss) return this.#recordUpdate(totals, loss);
      const sum = accumulate(this.#loss, loss);
      return this.#recordUpdate(totals, sum, [...totals, sum]);
    });
  }

  /** Clipping and update alone. */
  #finish(exchange: GradientExchange): Ending {
    if (!this.#update) {
      const { report, roots } = this.#recordUpdate(
        exchange.totals(),
        this.#loss!,
        [...exchange.sums, this.#loss!],
      );
      const capture = this.#options.device.capture(roots);
      this.#held.push(...roots);
      this.#update = { capture, report };
    }
    return this.#update;
  }

  #captured<Recorded extends { readonly roots: readonly Tensor[] }>(
    parts: Map<string, Part & Omit<Recorded, "roots">>,
    batch: Batch,
    record: (input: Tensor) => Recorded,
  ): Part & Omit<Recorded, "roots"> {
    const { device } = this.#options;
    const key = `${batch.rows} ${batch.length} ${batch.positions ? 1 : 0}`;
    const known = parts.get(key);
    if (known) return known;
    const input = device.tensor(inputOf(batch));
    const { roots, ...recorded } = record(input);
    const capture = device.capture(roots);
    this.#held.push(input, ...roots);
    const part = { ...recorded, input, capture };
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
    loss: Tensor,
    sums: readonly Tensor[] = [],
  ): { report: Tensor; roots: Tensor[] } {
    const { device, optimizer, maxGradientNorm = Infinity } = this.#options;
    const norm = gradientNorm(totals);
    const updated = optimizer.update(totals, clipScale(norm, maxGradientNorm));
    const first = device.tensor([true, false]);
    this.#held.push(first);
    const report = where(first, loss, norm);
    // x - x: the sums are zero for the next step, in place.
    const cleared = sums.map((sum) => accumulate(sum, neg(sum)));
    return { report, roots: [report, ...updated, ...cleared] };
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
