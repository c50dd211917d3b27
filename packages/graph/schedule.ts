import { AFTER } from "@wick/core-tensor";
import type { Group } from "./fuse.ts";
import type { PlacedGraph } from "./lower_views.ts";

/**
 * Orders groups so that an update in place comes after all that read the old
 * value, and what reads a value that a kernel stores on the way after that kernel;
 * without either the order stays.
 *
 * @param placed The graph.
 * @param groups The groups, each after what it reads.
 * @returns The same groups, each after what must come before it, else in the
 *   order in which they were given.
 * @throws {RangeError} If a group needs the old value after its update.
 */
export function schedule(
  placed: PlacedGraph,
  groups: readonly Group[],
): readonly Group[] {
  const updates = groups.map((group) => updatedNodes(placed, group));
  if (
    updates.every((list) => list.length === 0) &&
    groups.every((group) => groupOutputs(group).length === 1)
  ) return groups;
  const before = predecessors(placed, groups, updates);
  return orderAfter(before, (circle) => {
    throw conflict(placed, groups, updates, circle);
  }).map((index) => groups[index]!);
}

/**
 * Orders things so that each comes after what must come before it, else as they
 * are numbered.
 *
 * @param before What must come before each.
 * @param refuse Is told of a circle.
 * @returns The numbers in order.
 */
export function orderAfter(
  before: readonly (readonly number[])[],
  refuse: (circle: readonly number[]) => never,
): number[] {
  // Depth first, iteratively: `stack` is the way to the current one, `next`
  // which of its predecessors is to be looked at next.
  const done: number[] = [];
  const state = new Uint8Array(before.length);
  const [OPEN, FINISHED] = [1, 2];
  const next = new Uint32Array(before.length);
  for (let start = 0; start < before.length; start++) {
    const stack = state[start] === 0 ? [start] : [];
    while (stack.length > 0) {
      const index = stack.at(-1)!;
      state[index] = OPEN;
      const other = before[index]![next[index]!++];
      if (other === undefined) {
        state[index] = FINISHED;
        done.push(index);
        stack.pop();
      } else if (state[other] === OPEN) {
        refuse(stack.slice(stack.indexOf(other)));
      } else if (state[other] === 0) stack.push(other);
    }
  }
  return done;
}

/**
 * Lists what must come before each group, and what is to: what waits by `after()`
 * is not to be drawn forward.
 *
 * @param placed The graph.
 * @param groups The groups, in an order in which they can run.
 * @returns The numbers of the groups that come before each.
 */
export function groupsBefore(
  placed: PlacedGraph,
  groups: readonly Group[],
): number[][] {
  const updates = groups.map((group) => updatedNodes(placed, group));
  const before = predecessors(placed, groups, updates);
  const waits = awaited(placed);
  if (waits.size === 0) return before;
  const groupOf = new Map(groups.map(({ root }, index) => [root, index]));
  groups.forEach(({ main, elementwise, loads }, index) => {
    const own = [
      ...main === undefined ? [] : [main],
      ...elementwise,
      ...[...loads.values()].flatMap(({ elementwise }) => elementwise),
    ];
    for (const input of own.flatMap((id) => placed.nodes[id]!.inputs)) {
      for (const base of waits.get(input) ?? []) {
        const other = groupOf.get(base);
        if (other !== undefined && other < index) before[index]!.push(other);
      }
    }
  });
  return before;
}

/** What the views through which something is used are to wait for. */
function awaited({ nodes, places }: PlacedGraph): Map<number, Set<number>> {
  const waits = new Map<number, Set<number>>();
  nodes.forEach(({ operation, inputs }, id) => {
    if (!operation?.view || !places[id]) return;
    const own = operation === AFTER
      ? inputs.slice(1).map((other) => places[other]!.base)
      : [];
    const before = waits.get(inputs[0]!);
    if (before || own.length > 0) {
      waits.set(id, new Set([...before ?? [], ...own]));
    }
  });
  return waits;
}

/** The nodes that a group updates in place. */
function updatedNodes(
  { nodes, places }: PlacedGraph,
  { main }: Group,
): number[] {
  const operation = main === undefined ? undefined : nodes[main]!.operation!;
  if (operation?.updates === undefined) return [];
  return [operation.updates, ...operation.alsoUpdates ?? []].map((index) =>
    places[nodes[main!]!.inputs[index]!]!.base
  );
}

/**
 * Lists what must come before each group: those that make what it reads, and
 * those that read the old value of what it updates.
 */
function predecessors(
  placed: PlacedGraph,
  groups: readonly Group[],
  updates: readonly (readonly number[])[],
): number[][] {
  const groupOf = new Map<number, number>();
  groups.forEach((group, index) => {
    for (const output of groupOutputs(group)) groupOf.set(output, index);
  });
  const readers = new Map<number, number[]>();
  const before = groups.map((group, index) => {
    const made: number[] = [];
    for (const base of groupReads(placed, group)) {
      const list = readers.get(base);
      if (list) list.push(index);
      else readers.set(base, [index]);
      const maker = groupOf.get(base);
      if (maker !== undefined) made.push(maker);
    }
    return made;
  });
  updates.forEach((list, index) => {
    for (const base of list) {
      for (const reader of readers.get(base) ?? []) {
        if (reader !== index) before[index]!.push(reader);
      }
    }
  });
  return before;
}

/** Says which group of a circle needs the old value of what another updates. */
function conflict(
  placed: PlacedGraph,
  groups: readonly Group[],
  updates: readonly (readonly number[])[],
  circle: readonly number[],
): RangeError {
  const name = (index: number): string =>
    placed.nodes[groups[index]!.root]!.operation!.name;
  // Without such a pair there is no circle: what a group reads comes before it.
  const readerOf = (at: number): number => circle[(at + 1) % circle.length]!;
  const at = circle.findIndex((update, position) => {
    const reads = groupReads(placed, groups[readerOf(position)]!);
    return updates[update]!.some((base) => reads.includes(base));
  });
  return new RangeError(
    `Cannot run ${name(readerOf(at))} on the old value of a tensor that ${
      name(circle[at]!)
    } updates in place: use the updated tensor, or evaluate before`,
  );
}

/**
 * Lists the nodes outside a group that it reads.
 *
 * @param placed The graph.
 * @param group The group.
 * @returns The nodes, each once.
 */
export function groupReads(
  { nodes, places }: PlacedGraph,
  { main, elementwise, loads }: Group,
): number[] {
  const reads = new Set<number>();
  const read = (id: number, inside: ReadonlySet<number>): void => {
    for (const [index, input] of nodes[id]!.inputs.entries()) {
      const { base } = places[input]!;
      if (inside.has(base) || (id === main && loads.has(index))) continue;
      reads.add(base);
    }
  };
  const inside = new Set(elementwise);
  if (main !== undefined) {
    inside.add(main);
    read(main, NOTHING);
  }
  for (const id of elementwise) read(id, inside);
  for (const load of loads.values()) {
    const within = new Set(load.elementwise);
    for (const id of within) read(id, within);
  }
  return [...reads];
}

const NOTHING: ReadonlySet<number> = new Set();

/**
 * Lists the nodes whose values a group stores.
 *
 * @param group The group.
 * @returns Its root, then what its kernel stores as it loads it.
 */
export function groupOutputs({ root, loads }: Group): number[] {
  const outputs = [root];
  for (const load of loads.values()) if (load.stored) outputs.push(load.root);
  return outputs;
}
