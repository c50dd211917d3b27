import type { Device } from "@wick/async-exec";
import {
  broadcastTo,
  dropout,
  equal,
  reshape,
  type Tensor,
  where,
} from "@wick/core-tensor";
import type { LinearLayer } from "@wick/models";
import type { AdapterStack, MixedPart } from "./adapter_stack.ts";
import { GatheredStack } from "./gathered_stack.ts";
import { JoinedStack } from "./joined_stack.ts";

// With at most so many ranks in all, or one for every six features, what rows do
// not need is computed too: cheaper than a product more. 896 features on
// llvmpipe, ranks of 16: nine adapters (docs/decisions/an-adapter-for-each-row.md).
const FEW_RANKS = 64;
const FEATURES_PER_RANK = 6;

/**
 * A linear layer whose rows have adapters of their own. The matrices of a few lie
 * beside each other, and each row keeps the part that is its adapter's: two
 * dispatches, as with one adapter. Those of many are gathered by each row, in a
 * third.
 */
export class MixedLinear implements LinearLayer {
  /** The layer that is adapted. */
  readonly base: LinearLayer;
  /** The number of each row's adapter, `i32 [batch]`; see `AdapterMix.useRows`. */
  rows: Tensor | undefined;
  readonly #parts: readonly MixedPart[];
  readonly #stack: AdapterStack;

  /**
   * Adapts a layer.
   *
   * @param device The device of the layer.
   * @param base The layer.
   * @param parts The adapters that have matrices for it, at least one.
   * @param count The adapters of the mix.
   */
  constructor(
    device: Device,
    base: LinearLayer,
    parts: readonly MixedPart[],
    count: number,
  ) {
    this.base = base;
    this.rows = undefined;
    this.#parts = parts;
    const ranks = parts.reduce((sum, { layer }) => sum + layer.plain.rank, 0);
    const { inFeatures, outFeatures } = base;
    const few = Math.max(inFeatures, outFeatures) / FEATURES_PER_RANK;
    this.#stack = ranks > Math.max(FEW_RANKS, few)
      ? new GatheredStack(device, base, parts, count)
      : new JoinedStack(device, base, parts);
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
    const dropped = this.#dropped(x, rows);
    return this.#stack.forward(x, this.weight, {
      rows,
      ...(bias && { bias }),
      ...(dropped !== x && { adapterInput: dropped }),
    });
  }

  /** Gives back what the mix holds; the adapters keep their own. */
  [Symbol.dispose](): void {
    this.#stack[Symbol.dispose]();
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
