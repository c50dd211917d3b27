import type { Tensor } from "@wick/core-tensor";

/**
 * Lists tensors and all they need that is not known yet, and the known ones
 * they start from, operands first. Iterative, so depth costs no stack.
 *
 * @example Usage
 * ```ts
 * import { add, full } from "@wick/core-tensor";
 * import { topologicalOrder } from "@wick/graph";
 * import { assertEquals } from "@std/assert";
 *
 * const x = full([2], 1);
 * assertEquals(topologicalOrder([add(x, x)]).length, 2);
 * ```
 *
 * @param roots The last tensors.
 * @returns Each tensor once.
 */
export function topologicalOrder(roots: readonly Tensor[]): Tensor[] {
  return ordered(roots, (tensor) => tensor.known ? [] : tensor.inputs);
}

/**
 * The same, walking on through tensors that are known but remember how they
 * were made, as gradients do.
 *
 * @param roots The last tensors.
 * @returns Each tensor once.
 */
export function recordedOrder(roots: readonly Tensor[]): Tensor[] {
  return ordered(roots, (tensor) => tensor.inputs);
}

function ordered(
  roots: readonly Tensor[],
  operands: (tensor: Tensor) => readonly Tensor[],
): Tensor[] {
  const order: Tensor[] = [];
  const seen = new Set<Tensor>();
  // `stack` holds the path to the current tensor; `next` the operand of each
  // that is to be visited next.
  const stack: Tensor[] = [];
  const next: number[] = [];
  for (const root of roots) {
    if (seen.has(root)) continue;
    seen.add(root);
    stack.push(root);
    next.push(0);
    while (stack.length > 0) {
      const top = stack.length - 1;
      const tensor = stack[top]!;
      const operand = operands(tensor)[next[top]!];
      if (operand === undefined) {
        order.push(tensor);
        stack.pop();
        next.pop();
        continue;
      }
      next[top]!++;
      if (!seen.has(operand)) {
        seen.add(operand);
        stack.push(operand);
        next.push(0);
      }
    }
  }
  return order;
}
