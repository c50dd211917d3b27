import { elementCount, type View } from "@wick/core-tensor";
import { bufferCount } from "./buffer_count.ts";
import type { Group, GroupLoad } from "./fuse.ts";
import { isCheap } from "./is_cheap.ts";
import { COPY, isWhole, type PlacedGraph } from "./lower_views.ts";
import { groupReads } from "./schedule.ts";
import type { UpdateLevels } from "./update_levels.ts";

/** A group while work goes into its loads. */
interface Reader extends Group {
  readonly loads: Map<number, GroupLoad>;
}

// What is loaded more often than this is worth being stored, whatever it is.
const MOST_READS = 8;
// The same of what takes more than arithmetic to compute.
const MOST_COSTLY_READS = 4;
// The numbers that a step of an optimizer is made with are no parameters.
const FEW_NUMBERS = 8;

/**
 * Puts element-wise groups into the loads of the kernels that read them. What
 * others read too is stored by the first kernel that loads all of it, or, where
 * it is as cheap to compute as to read, computed by each.
 *
 * @param placed The graph.
 * @param groups The groups, each after what it reads.
 * @param levels What updates in place forbid.
 * @param maxStorageBuffers Storage buffers that a kernel may have.
 * @returns The groups that are left, in the same order.
 */
export function fuseLoads(
  placed: PlacedGraph,
  groups: readonly Group[],
  levels: UpdateLevels,
  maxStorageBuffers: number,
): Group[] {
  const { nodes, places } = placed;
  const roots = new Set(placed.roots);
  const open = groups.map((group): Reader => ({ ...group, loads: new Map() }));
  const readersOf = new Map<number, Set<Reader>>();
  const makerOf = new Map<number, Reader>();
  for (const group of open) {
    makerOf.set(group.root, group);
    for (const base of groupReads(placed, group)) {
      const readers = readersOf.get(base);
      if (readers) readers.add(group);
      else readersOf.set(base, new Set([group]));
    }
  }
  const gone = new Set<Reader>();

  /** The operands of a group that some code can go into; none if it must not. */
  function taken(part: Reader, reader: Reader, partReads: number[]): number[] {
    const { root: base } = part;
    if (reader.main === undefined || reader.inPlace) return [];
    const node = nodes[reader.main]!;
    const { operation, inputs } = node;
    if (
      reader.elementwise.some((id) =>
        nodes[id]!.inputs.some((input) => places[input]!.base === base)
      ) || levels.divide(base, partReads, reader.main)
    ) return [];
    // A tensor that is given may lie in one buffer with the one that is updated,
    // which a kernel must not read and write at once.
    if (
      operation?.updates !== undefined &&
      elementCount(nodes[base]!.shape) > FEW_NUMBERS &&
      partReads.some((id) => !nodes[id]!.operation)
    ) return [];
    const rule = { ...node, inputs: inputs.map((input) => nodes[input]!) };
    const indexes: number[] = [];
    for (const [index, input] of inputs.entries()) {
      if (places[input]!.base !== base) continue;
      const reads = operation?.readsOf?.(index, rule);
      if (reads === undefined) return [];
      if (partReads.length > 0) {
        if (reads > MOST_READS) return [];
        if (repeats(places[input]!.view) && !isScalar(part)) return [];
        if (reads > MOST_COSTLY_READS && !isCheap(placed, part)) return [];
      }
      indexes.push(index);
    }
    // A value that is stored on the way has a buffer of its own.
    const buffers = bufferCount(placed, reader, base) + partReads.length + 1;
    return buffers > maxStorageBuffers ? [] : indexes;
  }

  /** Whether code gives one number by a little arithmetic. */
  function isScalar(part: Reader): boolean {
    return elementCount(nodes[part.root]!.shape) === 1 && isCheap(placed, part);
  }

  function take(part: Reader, reader: Reader, indexes: number[]): void {
    const { root, elementwise } = part;
    for (const index of indexes) {
      reader.loads.set(index, { root, elementwise, stored: false });
    }
    for (const base of groupReads(placed, part)) {
      readersOf.get(base)!.add(reader);
    }
  }

  function drop(part: Reader): void {
    gone.add(part);
    makerOf.delete(part.root);
    for (const base of groupReads(placed, part)) {
      readersOf.get(base)!.delete(part);
    }
  }

  /** Whether what a group reads, but for a part of it, needs that part. */
  function needs(reader: Reader, part: Reader): boolean {
    const seen = new Set<number>();
    const stack = groupReads(placed, reader).filter((id) => id !== part.root);
    for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
      if (id === part.root) return true;
      if (seen.has(id)) continue;
      seen.add(id);
      const maker = makerOf.get(id);
      if (maker) stack.push(...groupReads(placed, maker));
    }
    return false;
  }

  for (const part of open) {
    const { root, main } = part;
    if (main !== undefined || nodes[root]!.dtype !== "f32") continue;
    const readers = [...readersOf.get(root) ?? []];
    if (readers.length === 0) continue;
    const partReads = groupReads(placed, part);
    const takers = readers.map((reader) =>
      [reader, taken(part, reader, partReads)] as const
    ).filter(([, indexes]) => indexes.length > 0);
    if (takers.length === 0) continue;
    const all = takers.length === readers.length && !roots.has(root);
    const everywhere = partReads.length === 0 ||
      (all && (readers.length === 1 || isCopyOfOne(placed, part)));
    if (everywhere) {
      for (const [reader, indexes] of takers) take(part, reader, indexes);
      if (all) drop(part);
      else for (const [reader] of takers) readersOf.get(root)!.delete(reader);
      continue;
    }
    const storer = takers.find(([reader, [index, ...more]]) => {
      const { operation, inputs } = nodes[reader.main!]!;
      return more.length === 0 && operation!.loadsAll?.includes(index!) &&
        isWhole(places[inputs[index!]!]!.view, nodes[root]!.shape) &&
        !needs(reader, part);
    });
    if (!storer) continue;
    const [reader, [index]] = storer;
    take(part, reader, []);
    reader.loads.set(index!, { ...part, stored: true });
    drop(part);
    makerOf.set(root, reader);
  }
  return open.filter((group) => !gone.has(group));
}

/** Whether some code is as cheap to compute as its value is to read. */
function isCopyOfOne(placed: PlacedGraph, part: Group): boolean {
  const { nodes, places } = placed;
  if (!isCheap(placed, part)) return false;
  const inside = new Set(part.elementwise);
  const full = new Set<number>();
  for (const id of part.elementwise) {
    for (const input of nodes[id]!.inputs) {
      const { base, view } = places[input]!;
      if (inside.has(base)) continue;
      if (
        view.strides.some((stride, k) => stride !== 0 && view.shape[k]! > 1)
      ) {
        full.add(base);
      }
    }
  }
  return full.size <= 1 &&
    part.elementwise.some((id) => nodes[id]!.operation !== COPY);
}

/** Whether a view gives elements more than once. */
function repeats({ strides, shape }: View): boolean {
  return strides.some((stride, axis) => stride === 0 && shape[axis]! > 1);
}
