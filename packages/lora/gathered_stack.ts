import type { Device } from "@wick/async-exec";
import {
  loraGather,
  type LoraGatherOptions,
  mul,
  pad,
  stack,
  type Tensor,
} from "@wick/core-tensor";
import type { LinearLayer } from "@wick/models";
import {
  type AdapterStack,
  anyTrained,
  type MixedPart,
} from "./adapter_stack.ts";

/** Matrices of many adapters, which rows gather: see {@linkcode loraGather}. */
export class GatheredStack implements AdapterStack {
  readonly #parts: readonly MixedPart[];
  readonly #rank: number;
  /** What adapters have that have no matrices for the layer. */
  readonly #nothing: readonly [a: Tensor, b: Tensor];
  readonly #count: number;
  /** A and B of all adapters; absent while they are trained. */
  readonly #known: readonly [a: Tensor, b: Tensor] | undefined;

  /**
   * Stacks matrices.
   *
   * @param device The device of the layer.
   * @param base The layer.
   * @param parts The adapters that have matrices for it, at least one.
   * @param count The adapters of the mix.
   */
  constructor(
    device: Device,
    { inFeatures, outFeatures }: LinearLayer,
    parts: readonly MixedPart[],
    count: number,
  ) {
    this.#parts = parts;
    this.#count = count;
    this.#rank = Math.max(...parts.map(({ layer }) => layer.plain.rank));
    this.#nothing = [
      device.zeros([inFeatures, this.#rank]),
      device.zeros([this.#rank, outFeatures]),
    ];
    if (anyTrained(parts)) return;
    const [a, b] = this.#matrices();
    device.evaluate([a, b]);
    this.#known = [a, b];
  }

  /**
   * Records the layer, each row with the adapter that it has.
   *
   * @param x The features, `[batch, …, in]`.
   * @param weight The frozen weight, `[out, in]`.
   * @param options Whose rows.
   * @returns The features, `[batch, …, out]`.
   */
  forward(x: Tensor, weight: Tensor, options: LoraGatherOptions): Tensor {
    const [a, b] = this.#known ?? this.#matrices();
    return loraGather(x, weight, a, b, options);
  }

  /** Gives the stacks back; the adapters keep their own matrices. */
  [Symbol.dispose](): void {
    for (const tensor of [...this.#nothing, ...this.#known ?? []]) {
      tensor.dispose();
    }
  }

  #matrices(): readonly [a: Tensor, b: Tensor] {
    const [inner, outer] = this.#nothing.map((nothing) =>
      new Array<Tensor>(this.#count).fill(nothing)
    );
    for (const { number, layer } of this.#parts) {
      const { a, b, rank } = layer.plain;
      const missing = this.#rank - rank;
      inner![number] = missing > 0 ? pad(a, [0, 0], [0, missing]) : a;
      const scaled = mul(b, layer.config.scaling);
      outer![number] = missing > 0 ? pad(scaled, [0, 0], [missing, 0]) : scaled;
    }
    return [stack(inner!), stack(outer!)];
  }
}
