import type { Group } from "./fuse.ts";
import type { PlacedGraph } from "./lower_views.ts";

/**
 * Orders groups so that an update in place comes after all that read the old
 * value; without updates the order stays.
 *
 * @param placed The graph.
 * @param groups The groups, each after what it reads.
 * @returns The same groups, updates as late as they can be.
 * @throws {RangeError} If a group needs the old value after its update.
 */
export function schedule(
  placed: PlacedGraph,
  groups: readonly Group[],
): readonly Group[] {
  const { nodes } = placed;
  const updates = (group: Group): readonly number[] => {
    const operation = group.main === undefined
      ? undefined
      : nodes[group.main]!.operation!;
    return operation?.updates === undefined
      ? []
      : [operation.updates, ...operation.alsoUpdates ?? []].map((index) =>
        placed.places[nodes[group.main!]!.inputs[index]!]!.base
      );
  };
  if (groups.every((group) => updates(group).length === 0)) return groups;

  const groupOf = new Map<number, number>();
  groups.forEach(({ root }, index) => groupOf.set(root, index));
  const reads = groups.map((group) => groupReads(placed, group));
  const waiting = reads.map((list) =>
    new Set(
      list.map((base) => groupOf.get(base)).filter((index) =>
        index !== undefined
      ),
    )
  );
  const readers: number[][] = groups.map(() => []);
  waiting.forEach((before, index) =>
    before.forEach((other) => readers[other]!.push(index))
  );
  const done: Group[] = [];
  const changed = new Map<number, number>();
  // Two queues, each sorted by the original position.
  const ready: number[] = [];
  const late: number[] = [];
  const enqueue = (index: number): void => {
    const queue = updates(groups[index]!).length > 0 ? late : ready;
    const at = queue.findLastIndex((other) => other < index);
    queue.splice(at + 1, 0, index);
  };
  groups.forEach((_, index) => {
    if (waiting[index]!.size === 0) enqueue(index);
  });
  for (;;) {
    const index = ready.shift() ?? late.shift();
    if (index === undefined) break;
    const group = groups[index]!;
    for (const base of reads[index]!) {
      const by = changed.get(base);
      if (by !== undefined) {
        throw new RangeError(
          `Cannot run ${
            nodes[group.root]!.operation!.name
          } on the old value of a tensor that ${
            nodes[by]!.operation!.name
          } updates in place: use the updated tensor, or evaluate before`,
        );
      }
    }
    for (const base of updates(group)) changed.set(base, group.main!);
    done.push(group);
    for (const reader of readers[index]!) {
      waiting[reader]!.delete(index);
      if (waiting[reader]!.size === 0) enqueue(reader);
    }
  }
  return done;
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
  { main, elementwise }: Group,
): number[] {
  const inside = new Set(elementwise);
  if (main !== undefined) inside.add(main);
  const reads = new Set<number>();
  for (const id of inside) {
    for (const input of nodes[id]!.inputs) {
      const { base } = places[input]!;
      if (!inside.has(base)) reads.add(base);
    }
  }
  return [...reads];
}
