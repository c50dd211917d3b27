import type { Device } from "@wick/async-exec";
import {
  broadcastTo,
  concat,
  dropout,
  equal,
  loraRows,
  reshape,
  type Tensor,
  where,
} from "@wick/core-tensor";
import type { LinearLayer } from "@wick/models";
import type { LoraLinear } from "./lora_linear.ts";

/** The adapter of a layer in a mix, and its number there. */
export interface MixedPart {
  /** The number of the adapter. */
  readonly number: number;
  /** The adapter's layer. */
  readonly layer: LoraLinear;
}

// The matrix kernels read vectors of four.
const VECTOR = 4;

/**
 * A linear layer whose rows have adapters of their own: the matrices of all lie
 * beside each other, and each row keeps the part that is its adapter's. Two
 * dispatches, whatever the mix.
 */
export class MixedLinear implements LinearLayer {
  /** The layer that is adapted. */
  readonly base: LinearLayer;
  /** The number of each row's adapter, `i32 [batch]`; see `AdapterMix.useRows`. */
  rows: Tensor | undefined;
  readonly #parts: readonly MixedPart[];
  /** A and B of all adapters; absent while they are trained. */
  readonly #known: readonly [a: Tensor, b: Tensor] | undefined;
  readonly #owners: Tensor;
  readonly #scales: Tensor;
  /** What fills the ranks up to vectors, if anything. */
  readonly #filling: readonly [a: Tensor, b: Tensor] | undefined;

  /**
   * Adapts a layer.
   *
   * @param device The device of the layer.
   * @param base The layer.
   * @param parts The adapters that have matrices for it, at least one.
   */
  constructor(
    device: Device,
    base: LinearLayer,
    parts: readonly MixedPart[],
  ) {
    this.base = base;
    this.rows = undefined;
    this.#parts = parts;
    const ranks = parts.flatMap(({ number, layer: { plain, config } }) =>
      new Array<readonly [number, number]>(plain.rank)
        .fill([number, config.scaling])
    );
    const missing = (VECTOR - ranks.length % VECTOR) % VECTOR;
    if (missing > 0) {
      this.#filling = [
        device.zeros([base.inFeatures, missing]),
        device.zeros([missing, base.outFeatures]),
      ];
      for (let i = 0; i < missing; i++) ranks.push([-2, 0]);
    }
    this.#owners = device.tensor(Int32Array.from(ranks, ([number]) => number));
    this.#scales = device.tensor(
      Float32Array.from(ranks, ([, scale]) => scale),
    );
    if (parts.some(({ layer: { a, b } }) => a.tracked || b.tracked)) return;
    const [a, b] = this.#matrices();
    device.evaluate([a, b]);
    this.#known = [a, b];
  }

  /** The features that go in. */
  get inFeatures(): number {
    return this.base.inFeatures;
  }

  /** The features that come out. */
  get outFeatures(): number {
    return this.base.outFeatures;
  }

  /** The frozen weight, `[out, in]`. */
  get weight(): Tensor {
    return this.base.weight;
  }

  /** The bias, `[out]`, if there is one. */
  get bias(): Tensor | undefined {
    return this.base.bias;
  }

  /**
   * Records the layer.
   *
   * @param x The features, `[batch, …, in]`.
   * @returns The features, `[batch, …, out]`.
   * @throws {RangeError} If there are not as many rows as were said, or not as
   *   many features.
   */
  forward(x: Tensor): Tensor {
    const { rows, bias } = this;
    if (!rows) return this.base.forward(x);
    const [a, b] = this.#known ?? this.#matrices();
    const dropped = this.#dropped(x, rows);
    return loraRows(x, this.weight, a, b, {
      rows,
      owners: this.#owners,
      scales: this.#scales,
      ...(bias && { bias }),
      ...(dropped !== x && { adapterInput: dropped }),
    });
  }

  /** Gives back what the mix holds; the adapters keep their own. */
  [Symbol.dispose](): void {
    const held = new Set([
      ...this.#known ?? [],
      ...this.#filling ?? [],
      this.#owners,
      this.#scales,
    ]);
    // Those of an adapter that is alone are read where they lie.
    for (const { layer: { a, b } } of this.#parts) {
      held.delete(a);
      held.delete(b);
    }
    for (const tensor of held) tensor.dispose();
  }

  #matrices(): readonly [a: Tensor, b: Tensor] {
    const layers = this.#parts.map(({ layer: { plain: { a, b } } }) =>
      [a, b] as const
    );
    const all = this.#filling ? [...layers, this.#filling] : layers;
    const joined = (part: 0 | 1, axis: number): Tensor =>
      all.length === 1
        ? all[0]![part]
        : concat(all.map((pair) => pair[part]), axis);
    return [joined(0, 1), joined(1, 0)];
  }

  /** Drops features of the rows whose adapter is trained with dropout. */
  #dropped(x: Tensor, rows: Tensor): Tensor {
    return this.#parts.reduce((so, { number, layer }) => {
      const { dropoutSource, config } = layer;
      if (!dropoutSource || config.dropout === 0) return so;
      const column = reshape(rows, [-1, ...x.shape.slice(1).map(() => 1)]);
      const mine = equal(broadcastTo(column, x.shape), number);
      return where(mine, dropout(x, config.dropout, dropoutSource), so);
    }, x);
  }
}
