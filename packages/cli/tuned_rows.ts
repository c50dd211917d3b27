import {
  CROSS_ENTROPY,
  CROSS_ENTROPY_GRADIENT,
  LAYER_NORM,
  LAYER_NORM_GRADIENT,
  RMS_NORM,
  RMS_NORM_GRADIENT,
  SOFTMAX,
} from "@wick/core-tensor/ops";
import { operandOf, type TunedItem } from "./tuned_item.ts";

/**
 * Lists the work on rows of features: norms with their gradients.
 *
 * @param rows How many rows there are.
 * @param length Elements of each.
 * @returns The work.
 */
export function normItems(rows: number, length: number): TunedItem[] {
  const [x, weight] = [operandOf([rows, length]), operandOf([length])];
  const eps = { eps: 1e-6 };
  return items(rows, length, [
    ["RMS norm", RMS_NORM, eps, [x, weight]],
    ["RMS norm, gradient", RMS_NORM_GRADIENT, eps, [x, x, weight]],
    ["layer norm", LAYER_NORM, eps, [x, weight, weight]],
    ["layer norm, gradient", LAYER_NORM_GRADIENT, eps, [x, x, weight]],
  ]);
}

/**
 * Lists the work on rows of classes: softmax, and the loss with its gradient.
 *
 * @param rows How many rows there are.
 * @param length Elements of each.
 * @returns The work.
 */
export function classItems(rows: number, length: number): TunedItem[] {
  const logits = operandOf([rows, length]);
  const each = operandOf([rows]);
  const labels = operandOf([rows], "i32");
  const loss = { ignoreIndex: -100, labelSmoothing: 0 };
  return items(rows, length, [
    ["softmax", SOFTMAX, { axis: 1 }, [logits]],
    ["cross-entropy", CROSS_ENTROPY, loss, [logits, labels]],
    [
      "cross-entropy, gradient",
      CROSS_ENTROPY_GRADIENT,
      loss,
      [each, logits, labels],
    ],
  ]);
}

function items(
  rows: number,
  length: number,
  works: readonly (readonly [
    string,
    TunedItem["work"]["operation"],
    unknown,
    TunedItem["work"]["operands"],
  ])[],
): TunedItem[] {
  return works.map(([name, operation, attributes, operands]) => ({
    name,
    sizes: `${rows}x${length}`,
    work: {
      ...{ operation, attributes, operands },
      ...operation.infer(
        operands.map(({ dtype, view: { shape } }) => ({ dtype, shape })),
        attributes,
      ),
    },
  }));
}
