import type { Capture } from "@wick/async-exec";
import { add, concat, reshape, slice, type Tensor } from "@wick/core-tensor";
import { gradients } from "@wick/graph";
import type { CausalLanguageModel } from "@wick/models";
import type { AdamW } from "./adamw.ts";
import type { Batch } from "./batches.ts";
import { clipScale, gradientNorm } from "./gradient_norm.ts";
import { joinBatches } from "./join_batches.ts";
import { streamLoss } from "./language_model_loss.ts";
import type { TrainStepResult } from "./train_step.ts";

/** What a step trains of one adapter. */
export interface AdapterStep {
  /** What is trained. */
  readonly parameters: readonly Tensor[];
  /** What updates it. */
  readonly optimizer: AdamW;
  /** The largest norm of its gradient. */
  readonly maxGradientNorm: number;
  /** The part of the target that all tokens share. */
  readonly labelSmoothing: number;
}

/** A batch of rows of all adapters, of one shape, captured. */
interface Captured {
  readonly input: Tensor;
  readonly rows: Tensor;
  readonly capture: Capture;
  /** The losses of the adapters, then their norms. */
  readonly report: Tensor;
}

/**
 * One step of training of several adapters on one model, recorded and planned
 * once for each shape: one pass through the model for the rows of all, then for
 * each adapter its loss, its norm, clipping and update. No adapter's numbers
 * depend on another's.
 */
export class MultiAdapterStep {
  readonly #model: CausalLanguageModel;
  readonly #adapters: readonly AdapterStep[];
  readonly #captured = new Map<string, Captured>();
  readonly #held: Tensor[] = [];

  /**
   * Prepares a step. Shapes are captured when they come up first.
   *
   * @param model The model, with an `AdapterMix` of the adapters in it.
   * @param adapters What is trained of each, in the order of their numbers.
   */
  constructor(model: CausalLanguageModel, adapters: readonly AdapterStep[]) {
    this.#model = model;
    this.#adapters = adapters;
  }

  /**
   * Makes a step.
   *
   * @param batches The batch of each adapter.
   * @param learningRates The learning rate of each.
   * @returns The loss and the norm of the gradient of each.
   */
  async run(
    batches: readonly Batch[],
    learningRates: readonly number[],
  ): Promise<TrainStepResult[]> {
    const { device } = this.#model;
    this.#adapters.forEach(({ optimizer }, index) =>
      optimizer.advance(learningRates[index]!)
    );
    const batch = joinBatches(batches);
    const { input, capture, report } = this.#capture(batch, batches);
    const values = new Int32Array(2 * batch.ids.length);
    values.set(batch.ids);
    values.set(batch.nextIds, batch.ids.length);
    device.write(input, values);
    capture.run();
    const found = await report.data();
    const count = batches.length;
    return batches.map((_, index) => ({
      loss: found[index]!,
      gradientNorm: found[count + index]!,
    }));
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    for (const { capture } of this.#captured.values()) {
      capture[Symbol.dispose]();
    }
    for (const tensor of this.#held) tensor.dispose();
  }

  #capture(
    { rows, length, ids }: Batch,
    batches: readonly Batch[],
  ): Captured {
    const key = [length, ...batches.map((batch) => batch.rows)].join();
    const known = this.#captured.get(key);
    if (known) return known;
    const { device } = this.#model;
    const input = device.tensor(new Int32Array(2 * ids.length));
    const numbers = device.tensor(Int32Array.from(
      batches.flatMap((batch, index) =>
        new Array<number>(batch.rows).fill(index)
      ),
    ));
    const plane = (index: number): Tensor =>
      reshape(
        slice(input, [index * ids.length], [(index + 1) * ids.length]),
        [rows, length],
      );
    const stream = this.#model.hidden(plane(0), { adapters: numbers });
    const { losses, norms, updates } = this.#record(
      stream,
      plane(1),
      batches.map((batch) => batch.rows),
    );
    const report = concat(
      [...losses, ...norms].map((value) => reshape(value, [1])),
      0,
    );
    const roots = [report, ...updates];
    const captured = {
      input,
      rows: numbers,
      report,
      capture: device.capture(roots),
    };
    this.#held.push(input, numbers, ...roots);
    this.#captured.set(key, captured);
    return captured;
  }

  /** Records what is each adapter's own. */
  #record(stream: Tensor, nextIds: Tensor, rows: readonly number[]): {
    losses: Tensor[];
    norms: Tensor[];
    updates: Tensor[];
  } {
    const [, length, features] = stream.shape;
    let first = 0;
    const losses = this.#adapters.map(({ labelSmoothing }, index) => {
      const start = first;
      first += rows[index]!;
      return streamLoss(
        this.#model,
        slice(stream, [start, 0, 0], [first, length!, features!]),
        slice(nextIds, [start, 0], [first, length!]),
        { labelSmoothing },
      );
    });
    // The rows of an adapter alone depend on it, so one sum has all gradients.
    const slopes = gradients(
      losses.reduce((a, b) => add(a, b)),
      this.#adapters.flatMap(({ parameters }) => parameters),
    );
    let next = 0;
    const norms: Tensor[] = [];
    const updates = this.#adapters.flatMap((adapter) => {
      const { parameters, optimizer, maxGradientNorm } = adapter;
      const own = optimizer.flatten(
        slopes.slice(next, next += parameters.length),
      );
      const norm = gradientNorm(own);
      norms.push(norm);
      return optimizer.update(own, clipScale(norm, maxGradientNorm));
    });
    return { losses, norms, updates };
  }
}
