import { DTYPES, elementCount } from "@wick/core-tensor";
import { CONCAT } from "@wick/core-tensor/ops";
import type { Group } from "./fuse.ts";
import { isWhole, type PlacedGraph } from "./lower_views.ts";

/**
 * Finds the joins of tensors that need no work, since what they join can be
 * written where it belongs in the result: the gradients of all parameters, which
 * an optimizer takes as one vector.
 *
 * @param placed The graph.
 * @param groups The groups.
 * @param alignment The bytes that a part must start at a multiple of.
 * @returns The same groups; those that are no dispatch say so.
 */
export function placeConcats(
  placed: PlacedGraph,
  groups: readonly Group[],
  alignment: number,
): Group[] {
  const { nodes, computed, places } = placed;
  if (!computed.some((id) => nodes[id]!.operation === CONCAT)) {
    return [...groups];
  }
  const roots = new Set(placed.roots);
  const groupOf = new Map(groups.map((group) => [group.root, group]));
  const reads = new Uint32Array(nodes.length);
  for (const id of computed) {
    for (const input of nodes[id]!.inputs) reads[places[input]!.base]!++;
  }
  return groups.map((group) => {
    const { root, main } = group;
    if (main !== root || nodes[root]!.operation !== CONCAT) return group;
    const inPlace = concatParts(placed, root).every(({ input, offset }) => {
      const { base, view } = places[input]!;
      const { dtype, shape } = nodes[base]!;
      const maker = groupOf.get(base);
      if (!maker || reads[base] !== 1 || roots.has(base)) return false;
      const operation = maker.main === undefined
        ? undefined
        : nodes[maker.main]!.operation!;
      return operation?.updates === undefined &&
        dtype === nodes[root]!.dtype && isWhole(view, shape) &&
        elementCount(shape) > 0 && offset !== undefined &&
        offset * DTYPES[dtype].bytes % alignment === 0;
    });
    return inPlace ? { ...group, inPlace } : group;
  });
}

/** An operand of a join. */
export interface ConcatPart {
  /** The node. */
  readonly input: number;
  /** Where it starts in the result; `undefined` where its elements lie apart. */
  readonly offset: number | undefined;
}

/**
 * Tells where the operands of a join lie in its result.
 *
 * @param placed The graph.
 * @param id The join.
 * @returns The operands.
 */
export function concatParts({ nodes }: PlacedGraph, id: number): ConcatPart[] {
  const { inputs, shape } = nodes[id]!;
  // Only along the first axis that is longer than 1 do parts lie together.
  const axis = shape.findIndex((size, k) =>
    inputs.some((input) => nodes[input]!.shape[k] !== size)
  );
  const together = shape.slice(0, axis).every((size) => size === 1);
  let offset = 0;
  return inputs.map((input) => {
    const part = { input, offset: together ? offset : undefined };
    offset += elementCount(nodes[input]!.shape);
    return part;
  });
}
