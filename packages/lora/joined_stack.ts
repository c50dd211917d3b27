import type { Device } from "@wick/async-exec";
import {
  concat,
  type LoraGatherOptions,
  loraRows,
  type Tensor,
} from "@wick/core-tensor";
import type { LinearLayer } from "@wick/models";
import {
  type AdapterStack,
  anyTrained,
  type MixedPart,
} from "./adapter_stack.ts";

// The matrix kernels read vectors of four.
const VECTOR = 4;

/** Matrices of a few adapters beside each other: see {@linkcode loraRows}. */
export class JoinedStack implements AdapterStack {
  readonly #parts: readonly MixedPart[];
  /** A and B of all adapters; absent while they are trained. */
  readonly #known: readonly [a: Tensor, b: Tensor] | undefined;
  readonly #owners: Tensor;
  readonly #scales: Tensor;
  /** What fills the ranks up to vectors, if anything. */
  readonly #filling: readonly [a: Tensor, b: Tensor] | undefined;

  /**
   * Puts matrices beside each other.
   *
   * @param device The device of the layer.
   * @param base The layer.
   * @param parts The adapters that have matrices for it, at least one.
   */
  constructor(device: Device, base: LinearLayer, parts: readonly MixedPart[]) {
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
    return loraRows(x, weight, a, b, {
      ...options,
      owners: this.#owners,
      scales: this.#scales,
    });
  }

  /** Gives back what is not the adapters' own. */
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
}
