import { knownTensor, type Tensor } from "@wick/core-tensor";

/** Options of {@linkcode detached}. */
export interface DetachedOptions {
  /** Whether the new tensor is trained itself; false if absent. */
  readonly trainable?: boolean;
}

/**
 * Gives a tensor that shares the elements of another but not how they were
 * made: no gradient flows through it. It costs nothing.
 *
 * @param x The tensor, which is evaluated if it is not known.
 * @param options Whether the new tensor is trained itself.
 * @returns The known tensor, an owner of the elements beside `x`.
 */
export function detached(x: Tensor, options: DetachedOptions = {}): Tensor {
  const storage = x.eval().storage!;
  storage.retain();
  return knownTensor(
    storage,
    x.shape,
    x.dtype,
    x.requireExecutor("detach"),
    options,
  );
}
