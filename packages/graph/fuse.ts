import type { View } from "@wick/core-tensor";
import { isWhole, type PlacedGraph } from "./lower_views.ts";

/** Nodes that run as one dispatch. */
export interface Group {
  /** The node whose value is stored. */
  readonly root: number;
  /** The node with a kernel, whose result the rest is done to; if any. */
  readonly main: number | undefined;
  /** All element-wise nodes, operands first. */
  readonly elementwise: readonly number[];
}

/** Options of {@linkcode fuse}. */
export interface FuseOptions {
  /** Storage buffers that a kernel may have. */
  readonly maxStorageBuffers: number;
  /** Whether anything is fused; false leaves one operation a dispatch. */
  readonly enabled?: boolean;
}

/** A group while it grows. */
interface Draft {
  main: number | undefined;
  elementwise: number[];
  /** The nodes outside that it reads. */
  reads: Set<number>;
}

// Longer functions take compilers more time than the saved dispatches.
const MAX_EXPRESSIONS = 256;

/**
 * Decides which nodes run as one dispatch. An element-wise node takes in the
 * element-wise nodes that only it reads, and at most one node with a kernel,
 * whose epilogue it becomes.
 *
 * @param placed The graph.
 * @param options Limits.
 * @returns The groups, in an order in which each comes after what it reads.
 */
export function fuse(placed: PlacedGraph, options: FuseOptions): Group[] {
  const { nodes, computed, places, roots } = placed;
  const uses = countUses(placed);
  const isRoot = new Set(roots);
  const drafts = new Map<number, Draft>();
  const absorbed = new Set<number>();

  for (const id of computed) {
    const node = nodes[id]!;
    if (!node.operation) continue;
    const inputs = node.inputs.map((input) => places[input]!);
    const reads = new Set(inputs.map(({ base }) => base));
    if (!node.operation.expression) {
      drafts.set(id, { main: id, elementwise: [], reads });
      continue;
    }
    const draft: Draft = { main: undefined, elementwise: [], reads };
    for (const base of new Set(reads)) {
      const part = drafts.get(base);
      if (!part || absorbed.has(base)) continue;
      const edges = inputs.filter((input) => input.base === base)
        .map(({ view }) => view);
      const free = isFree(part);
      const joined = new Set([...reads, ...part.reads]);
      joined.delete(base);
      if (!free) {
        const length = draft.elementwise.length + part.elementwise.length;
        const alone = uses[base] === 1 && !isRoot.has(base);
        if (
          options.enabled === false || !alone || length >= MAX_EXPRESSIONS ||
          joined.size + 1 > options.maxStorageBuffers ||
          !fits(edges, part, draft, placed, id, base)
        ) continue;
        absorbed.add(base);
      }
      draft.main ??= part.main;
      draft.elementwise.push(...part.elementwise);
      reads.delete(base);
      for (const read of part.reads) reads.add(read);
    }
    draft.elementwise.push(id);
    drafts.set(id, draft);
  }
  const groups: Group[] = [];
  for (const [root, { main, elementwise, reads }] of drafts) {
    const needed = uses[root]! > 0 || isRoot.has(root);
    // What needs nothing is inside every group that reads it.
    const everywhere = isFree({ main, elementwise, reads }) &&
      !isRoot.has(root) && onlyElementwiseReaders(placed, root);
    if (absorbed.has(root) || !needed || everywhere) continue;
    groups.push({
      root,
      main,
      elementwise: [...new Set(elementwise)].sort((a, b) => a - b),
    });
  }
  return groups;
}

/** How many nodes read each node. */
function countUses({ nodes, computed, places }: PlacedGraph): number[] {
  const uses = new Array<number>(nodes.length).fill(0);
  for (const id of computed) {
    const bases = nodes[id]!.inputs.map((input) => places[input]!.base);
    for (const base of new Set(bases)) uses[base]!++;
  }
  return uses;
}

/** Whether a group reads nothing, so that its value is one literal. */
function isFree({ main, reads }: Draft): boolean {
  return main === undefined && reads.size === 0;
}

/**
 * Whether a node can take in a group that it reads through some views: the
 * same elements in the same order; or, without a kernel, moved elements that
 * are not computed more often than before.
 */
function fits(
  views: readonly View[],
  part: Draft,
  draft: Draft,
  { nodes }: PlacedGraph,
  id: number,
  base: number,
): boolean {
  const whole = views.every((view) => isWhole(view, nodes[base]!.shape));
  if (part.main === undefined) {
    return whole || (views.length === 1 && !repeats(views[0]!));
  }
  const main = nodes[part.main]!;
  return whole && draft.main === undefined &&
    main.operation!.updates === undefined && main.dtype === "f32" &&
    nodes[id]!.dtype === "f32";
}

/** Whether a view gives elements more than once. */
function repeats({ strides, shape }: View): boolean {
  return strides.some((stride, axis) => stride === 0 && shape[axis]! > 1);
}

/** Whether all that read a node are element-wise, so that it is never stored. */
function onlyElementwiseReaders(
  { nodes, computed, places }: PlacedGraph,
  of: number,
): boolean {
  return computed.every((id) => {
    const { operation, inputs } = nodes[id]!;
    return operation?.expression !== undefined ||
      !inputs.some((input) => places[input]!.base === of);
  });
}
