import type { LoraGatherOptions, Tensor } from "@wick/core-tensor";
import type { LoraLinear } from "./lora_linear.ts";

/** The adapter of a layer in a mix, and its number there. */
export interface MixedPart {
  /** The number of the adapter. */
  readonly number: number;
  /** The adapter's layer. */
  readonly layer: LoraLinear;
}

/** The matrices of several adapters for one layer, made ready to run together. */
export interface AdapterStack extends Disposable {
  /** Records the layer, each row with the adapter that it has. */
  forward(x: Tensor, weight: Tensor, options: LoraGatherOptions): Tensor;
}

/**
 * Tells whether any of some adapters is trained, so that its matrices must be
 * read where they lie.
 *
 * @param parts The adapters.
 * @returns Whether one is.
 */
export function anyTrained(parts: readonly MixedPart[]): boolean {
  return parts.some(({ layer: { a, b } }) => a.tracked || b.tracked);
}
