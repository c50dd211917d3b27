import type { Group, GroupLoad } from "./fuse.ts";
import type { PlacedGraph } from "./lower_views.ts";
import { groupOutputs, groupReads } from "./schedule.ts";

/**
 * Counts the buffers that the kernel of a group has at most.
 *
 * @param placed The graph.
 * @param group A group with a kernel.
 * @param without A node whose buffer does not count.
 * @returns How many.
 */
export function bufferCount(
  placed: PlacedGraph,
  group: Group,
  without?: number,
): number {
  const { nodes, places } = placed;
  const { root, main, elementwise, loads } = group;
  const { operation, inputs } = nodes[main!]!;
  let count = groupOutputs(group).length;
  // An operand that is updated is the result.
  if (operation!.updates !== undefined) count--;
  inputs.forEach((input, index) => {
    if (places[input]!.base !== without && !loads.has(index)) count++;
  });
  for (const code of [{ elementwise }, ...loads.values()]) {
    const { elementwise } = code;
    const bare = { root, main: undefined, elementwise, loads: NOTHING };
    count += groupReads(placed, bare)
      .filter((read) => read !== main && read !== without).length;
  }
  return count;
}

const NOTHING: ReadonlyMap<number, GroupLoad> = new Map();
