import type { Capture, Device } from "@wick/async-exec";
import {
  accumulate,
  add,
  concat,
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
  /** The rows of each adapter, where several share the batch. */
  readonly parts?: readonly number[];
}

/** What is trained beside others, with a loss and an update of its own. */
export interface StepPart {
  /** What is trained. */
  readonly parameters: readonly Tensor[];
  /** What updates it. */
  readonly optimizer: AdamW;
  /** The largest norm of its gradient; infinite if absent. */
  readonly maxGradientNorm?: number;
}

/** Recorded losses. */
export interface RecordedLosses {
  /** The loss of each part, `[]`. */
  readonly losses: readonly Tensor[];
  /** Between which tensors values are computed again; all are kept if absent. */
  readonly checkpoints?: readonly Tensor[];
}

/** What a step of several parts is captured with. */
export interface JointStepOptions {
  /** The device. */
  readonly device: Device;
  /** What is trained. */
  readonly parts: readonly StepPart[];
  /** The micro-batches of a step; 1 if absent. */
  readonly accumulation?: number;
  /** Records the losses of a micro-batch. No part's depends on another part. */
  readonly loss: (batch: BatchTensors) => RecordedLosses;
  /** Called before each micro-batch is run, with its place in the step. */
  readonly onBatch?: (part: number) => void;
  /**
   * Sums the gradients over ranks before they are clipped; its shapes are those
   * of the optimizers. Losses and gradients of a micro-batch then count as much
   * as its `share` says, and the losses of a step are the part of this rank.
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
  /** The losses of the parts, then their norms. */
  readonly report: Tensor;
}

/**
 * One step of training of one or several parts, recorded and planned once for
 * each shape of its batches, and replayed: nothing is recorded, planned or
 * allocated. A step is gradients, summed over micro-batches, and over ranks
 * where there are several; then for each part its norm, clipping and update. No
 * part's numbers depend on another's.
 */
export class JointStep {
  readonly #options: JointStepOptions;
  /** The sums of the gradients; none if one batch is all of a step. */
  readonly #sums: readonly Tensor[];
  /** The sums of the losses, `[]`; none if one batch is all of a step. */
  readonly #losses: readonly Tensor[];
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
  constructor(options: JointStepOptions) {
    const { device, parts, accumulation = 1, exchange } = options;
    this.#options = options;
    const sums = accumulation > 1 && !exchange
      ? parts.flatMap(({ optimizer }) =>
        optimizer.shapes.map((shape) => device.zeros(shape))
      )
      : [];
    this.#sums = exchange?.sums ?? sums;
    this.#losses = this.#sums.length > 0
      ? parts.map(() => device.tensor(0))
      : [];
    this.#weight = exchange && device.tensor(1);
    this.#held.push(...sums, ...this.#losses);
    if (this.#weight) this.#held.push(this.#weight);
  }

  /**
   * Makes a step.
   *
   * @param batches The micro-batches.
   * @param learningRates The learning rate of each part.
   * @returns For each part its mean loss, and the norm of its gradient before
   *   clipping.
   */
  async run(
    batches: readonly Batch[],
    learningRates: readonly number[],
  ): Promise<TrainStepResult[]> {
    const { device, parts, onBatch, exchange } = this.#options;
    const { accumulation = 1 } = this.#options;
    parts.forEach(({ optimizer }, index) =>
      optimizer.advance(learningRates[index]!)
    );
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
    const report = await ending!.report.data();
    return parts.map((_, index) => ({
      loss: report[index]!,
      gradientNorm: report[parts.length + index]!,
    }));
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
      const { losses, found } = this.#record(input, batch);
      return {
        roots: [
          ...summed(this.#sums, found),
          ...summed(this.#losses, losses),
        ],
      };
    });
  }

  /** The last micro-batch, with clipping and update in the same capture. */
  #last(batch: Batch): Part & Ending {
    return this.#captured(this.#lasts, batch, (input) => {
      const { losses, found } = this.#record(input, batch);
      if (this.#sums.length === 0) return this.#recordUpdate(found, losses);
      const totals = summed(this.#sums, found);
      const sums = summed(this.#losses, losses);
      return this.#recordUpdate(totals, sums, [...totals, ...sums]);
    });
  }

  /** Clipping and update alone. */
  #finish(exchange: GradientExchange): Ending {
    if (!this.#update) {
      const { report, roots } = this.#recordUpdate(
        exchange.totals(),
        this.#losses,
        [...this.#sums, ...this.#losses],
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
    const { length, positions, parts: shares = [batch.rows] } = batch;
    const key = `${length} ${positions ? 1 : 0} ${shares}`;
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
    { rows, length, positions, parts: shares }: Batch,
  ): { losses: Tensor[]; found: Tensor[] } {
    const { parts, accumulation = 1 } = this.#options;
    const plane = (index: number): Tensor =>
      reshape(
        slice(input, [index * rows * length], [(index + 1) * rows * length]),
        [rows, length],
      );
    const recorded = this.#options.loss({
      ids: plane(0),
      nextIds: plane(1),
      ...(positions && { positions: plane(2), starts: plane(3) }),
      ...(shares && { parts: shares }),
    });
    const { checkpoints } = recorded;
    const losses = recorded.losses.map((loss) =>
      mul(loss, this.#weight ?? 1 / accumulation)
    );
    // No part is in another's loss, so one sum has the gradients of all.
    const slopes = gradients(
      losses.reduce((a, b) => add(a, b)),
      parts.flatMap(({ parameters }) => parameters),
      { ...(checkpoints && { checkpoints }) },
    );
    let next = 0;
    const found = parts.flatMap(({ parameters, optimizer }) =>
      optimizer.flatten(slopes.slice(next, next += parameters.length))
    );
    return { losses, found };
  }

  #recordUpdate(
    totals: readonly Tensor[],
    losses: readonly Tensor[],
    sums: readonly Tensor[] = [],
  ): { report: Tensor; roots: Tensor[] } {
    const norms: Tensor[] = [];
    let next = 0;
    const updated = this.#options.parts.flatMap((part) => {
      const { optimizer, maxGradientNorm = Infinity } = part;
      const own = totals.slice(next, next += optimizer.shapes.length);
      const norm = gradientNorm(own);
      norms.push(norm);
      return optimizer.update(own, clipScale(norm, maxGradientNorm));
    });
    const report = this.#joined([...losses, ...norms]);
    // x - x: the sums are zero for the next step, in place.
    const cleared = sums.map((sum) => accumulate(sum, neg(sum)));
    return { report, roots: [report, ...updated, ...cleared] };
  }

  /** Numbers as one vector, to be read at once. */
  #joined(values: readonly Tensor[]): Tensor {
    const [first, second, ...rest] = values;
    if (!first || !second || rest.length > 0) {
      return concat(values.map((value) => reshape(value, [1])), 0);
    }
    // Two of them need no dispatch of their own.
    const isFirst = this.#options.device.tensor([true, false]);
    this.#held.push(isFirst);
    return where(isFirst, first, second);
  }
}

function summed(
  sums: readonly Tensor[],
  found: readonly Tensor[],
): Tensor[] {
  return found.map((part, index) => accumulate(sums[index]!, part));
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
