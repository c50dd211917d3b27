import { AFTER, elementCount, type View } from "@wick/core-tensor";
import { absorb, absorbSoleParts, type Draft } from "./absorb_sole_parts.ts";
import type { GraphNode } from "./computation_graph.ts";
import { fuseLoads } from "./fuse_loads.ts";
import { isCheap } from "./is_cheap.ts";
import { COPY, isWhole, type PlacedGraph } from "./lower_views.ts";
import { placeConcats } from "./place_concats.ts";
import { updateLevels } from "./update_levels.ts";

/** Nodes that run as one dispatch. */
export interface Group {
  /** The node whose value is stored. */
  readonly root: number;
  /** The node with a kernel, whose result the rest is done to; if any. */
  readonly main: number | undefined;
  /** The element-wise nodes of the result, operands first. */
  readonly elementwise: readonly number[];
  /** What is computed as the kernel loads it, by the number of the operand. */
  readonly loads: ReadonlyMap<number, GroupLoad>;
  /** Whether it is no work, since others write parts of its result. */
  readonly inPlace?: boolean;
}

/** Element-wise nodes that go into the loads of a kernel. */
export interface GroupLoad {
  /** The node whose value the kernel reads. */
  readonly root: number;
  /** All of the nodes, operands first. */
  readonly elementwise: readonly number[];
  /** Whether the value is stored too, for others. */
  readonly stored: boolean;
}

/** Options of {@linkcode fuse}. */
export interface FuseOptions {
  /** Storage buffers that a kernel may have. */
  readonly maxStorageBuffers: number;
  /** The bytes that a part of a buffer must start at a multiple of. */
  readonly partAlignment: number;
  /** Whether anything is fused; false leaves one operation a dispatch. */
  readonly enabled?: boolean;
}

// Longer functions take compilers more time than the saved dispatches.
const MAX_EXPRESSIONS = 256;

// A value that needs nothing is computed again by all that read it, so it must
// be short.
const MAX_FREE_EXPRESSIONS = 8;

// A number is computed again for so many elements at most.
const MOST_REPEATS = 2 ** 16;

const NO_LOADS: ReadonlyMap<number, GroupLoad> = new Map();

/**
 * Decides which nodes run as one dispatch. An element-wise node takes in the
 * element-wise nodes that only it reads, and at most one node with a kernel,
 * whose epilogue it becomes. What is left goes into the loads of the kernels that
 * read it, where it can.
 *
 * @param placed The graph.
 * @param options Limits.
 * @returns The groups, in an order in which each comes after what it reads.
 */
export function fuse(placed: PlacedGraph, options: FuseOptions): Group[] {
  const { nodes, computed, places } = placed;
  const roots = new Set(placed.roots);
  const uses = countUses(placed);
  const levels = updateLevels(placed);
  const drafts = new Map<number, Draft>();
  const absorbed = new Set<number>();

  for (const id of computed) {
    const node = nodes[id]!;
    if (!node.operation) continue;
    if (!node.operation.expression) {
      const reads = new Set<number>();
      drafts.set(id, {
        main: id,
        elementwise: [],
        reads,
        length: 0,
        free: false,
      });
      continue;
    }
    const inputs = node.inputs.map((input) => places[input]!);
    const draft: Draft = {
      main: undefined,
      elementwise: [],
      reads: new Set(inputs.map(({ base }) => base)),
      length: inputs.length > 0 ? 1 : 0,
      free: false,
    };
    for (const base of [...draft.reads]) {
      const part = drafts.get(base);
      if (!part || absorbed.has(base)) continue;
      if (!part.free) {
        const edges = inputs.filter((input) => input.base === base)
          .map(({ view }) => view);
        if (
          options.enabled === false || uses[base] !== 1 || roots.has(base) ||
          draft.length + part.length > MAX_EXPRESSIONS ||
          bindings(placed, draft, part, base) > options.maxStorageBuffers ||
          !fits(edges, part, draft, placed, id, base) ||
          levels.divide(base, partReads(placed, part), id)
        ) continue;
        absorbed.add(base);
      }
      absorb(draft, part, base);
    }
    draft.elementwise.push(id);
    draft.free = isFree(draft) && !isRounded(node);
    drafts.set(id, draft);
  }

  const stored = storedNodes(placed);
  if (options.enabled !== false) {
    absorbSoleParts(placed, { drafts, absorbed, stored }, (id, base, views) => {
      const [draft, part] = [drafts.get(id)!, drafts.get(base)!];
      return draft.length + part.length <= MAX_EXPRESSIONS &&
        bindings(placed, draft, part, base) <= options.maxStorageBuffers &&
        views.every((view) => isWhole(view, nodes[base]!.shape)) &&
        fits(views, part, draft, placed, id, base) &&
        !levels.divide(base, partReads(placed, part), id);
    });
  }
  const groups: Group[] = [];
  for (const [root, draft] of drafts) {
    // What needs nothing is inside every element-wise group that reads it.
    if (absorbed.has(root) || (draft.free && !stored.has(root))) continue;
    // Each part is in order, so what is left of doubles is so too.
    const elementwise = [...new Set(draft.elementwise)];
    groups.push({ root, main: draft.main, elementwise, loads: NO_LOADS });
  }
  if (options.enabled === false) return groups;
  return fuseLoads(
    placed,
    placeConcats(placed, groups, options.partAlignment),
    levels,
    options.maxStorageBuffers,
  );
}

/** How many nodes read each node. */
function countUses({ nodes, computed, places }: PlacedGraph): number[] {
  const uses = new Array<number>(nodes.length).fill(0);
  for (const id of computed) {
    const bases = nodes[id]!.inputs.map((input) => places[input]!.base);
    for (const base of new Set(bases)) uses[base]!++;
  }
  // What something is to come after must be done by then, not inside a reader.
  nodes.forEach(({ operation, inputs }, id) => {
    if (operation !== AFTER || !places[id]) return;
    for (const other of inputs.slice(1)) uses[places[other]!.base]!++;
  });
  return uses;
}

/** The nodes that are asked for, waited for or read by a kernel. */
function storedNodes(
  { nodes, computed, places, roots }: PlacedGraph,
): Set<number> {
  const stored = new Set(roots);
  nodes.forEach(({ operation, inputs }, id) => {
    if (operation !== AFTER || !places[id]) return;
    for (const other of inputs.slice(1)) stored.add(places[other]!.base);
  });
  for (const id of computed) {
    const { operation, inputs } = nodes[id]!;
    if (operation?.expression) continue;
    for (const input of inputs) stored.add(places[input]!.base);
  }
  return stored;
}

/** Whether a group reads nothing and is short. */
function isFree({ main, reads, length }: Draft): boolean {
  return main === undefined && reads.size === 0 &&
    length <= MAX_FREE_EXPRESSIONS;
}

/** Whether a value changes when it is stored, so that it must be. */
function isRounded({ dtype, operation }: GraphNode): boolean {
  return (dtype === "f16" || dtype === "bf16") && operation !== COPY;
}

/** The buffers of a kernel that a group and a part of it would make. */
function bindings(
  { nodes }: PlacedGraph,
  draft: Draft,
  part: Draft,
  base: number,
): number {
  const main = draft.main ?? part.main;
  const loads = new Set([...draft.reads, ...part.reads]);
  loads.delete(base);
  return loads.size + 1 + (main === undefined ? 0 : nodes[main]!.inputs.length);
}

/** All nodes that a group reads, its kernel included. */
function partReads(
  { nodes, places }: PlacedGraph,
  { main, reads }: Draft,
): number[] {
  const own = main === undefined ? [] : nodes[main]!.inputs;
  return [...reads, ...own.map((input) => places[input]!.base)];
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
  placed: PlacedGraph,
  id: number,
  base: number,
): boolean {
  const { nodes } = placed;
  if (isRounded(nodes[base]!)) return false;
  const whole = views.every((view) => isWhole(view, nodes[base]!.shape));
  if (part.main === undefined) {
    return whole || (views.length === 1 &&
      (!repeats(views[0]!) || isNumber(placed, part, base, id)));
  }
  const main = nodes[part.main]!;
  return whole && draft.main === undefined &&
    main.operation!.updates === undefined && main.dtype === "f32" &&
    nodes[id]!.dtype === "f32";
}

/** Whether a part is one number, little work to do again for few elements. */
function isNumber(
  placed: PlacedGraph,
  { elementwise }: Draft,
  base: number,
  reader: number,
): boolean {
  const [part, all] = [base, reader].map((id) =>
    elementCount(placed.nodes[id]!.shape)
  );
  return part === 1 && all! <= MOST_REPEATS && isCheap(placed, { elementwise });
}

/** Whether a view gives elements more than once. */
function repeats({ strides, shape }: View): boolean {
  return strides.some((stride, axis) => stride === 0 && shape[axis]! > 1);
}
