import { type Item, ROWS } from "./item.ts";

/** Values in the memory of the process. */
export interface HostTensor {
  /** The size along each axis. */
  readonly shape: readonly number[];
  /** The elements, row by row. */
  readonly values: Float32Array<ArrayBuffer>;
}

/** What an item works on, by name. */
export type Operands = Readonly<Record<string, HostTensor>>;

/**
 * Makes numbers that are the same in every peer.
 *
 * @param shape The size along each axis.
 * @param seed Which numbers: operands have different ones.
 * @param most They lie between `-most` and `most`; 1 if absent.
 * @returns The numbers.
 */
export function hostTensor(
  shape: readonly number[],
  seed: number,
  most = 1,
): HostTensor {
  let state = Math.imul(seed, 0x9e3779b9) ^ 0x5bd1e995;
  const count = shape.reduce((product, size) => product * size, 1);
  const values = Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return ((state >>> 8) / 2 ** 23 - 1) * most;
  });
  return { shape, values };
}

/**
 * Makes what an item works on. `W` is `[in, out]` here: who stores it the other
 * way turns it before the clock starts.
 *
 * @param item The item.
 * @returns Its operands.
 */
export function operandsOf({ kind, size, rank }: Item): Operands {
  const delta = () => ({
    x: hostTensor([ROWS, size], 1),
    A: hostTensor([size, rank], 2, 0.1),
    B: hostTensor([rank, size], 3, 0.1),
  });
  const linear = () => ({ ...delta(), W: hostTensor([size, size], 4, 0.05) });
  switch (kind) {
    case "delta":
      return delta();
    case "linear":
      return linear();
    case "gradient":
    case "sgd":
    case "adamw":
      return { ...linear(), target: hostTensor([ROWS, size], 5) };
    case "softmax":
      return { x: hostTensor([ROWS, size], 6, 4) };
    case "layer_norm":
      return {
        x: hostTensor([ROWS, size], 6, 2),
        weight: hostTensor([size], 7),
        bias: hostTensor([size], 8),
      };
    case "rms_norm":
      return {
        x: hostTensor([ROWS, size], 6, 2),
        weight: hostTensor([size], 7),
      };
    case "matmul":
      return {
        a: hostTensor([size, size], 9),
        b: hostTensor([size, size], 10),
      };
    case "chain":
      return { x: hostTensor([size, 1024], 11) };
  }
}

/**
 * Gives an operand by its name.
 *
 * @param operands All of them.
 * @param name The name.
 * @returns The operand.
 * @throws {RangeError} If the item has none of that name.
 */
export function operand<Value>(
  operands: Readonly<Record<string, Value>>,
  name: string,
): Value {
  const found = operands[name];
  if (found !== undefined) return found;
  throw new RangeError(
    `Cannot find operand ${name}: there are ${Object.keys(operands)}`,
  );
}
