import { type DeviceTraits, elementCount } from "@wick/core-tensor";
import { bufferCount } from "./buffer_count.ts";
import type { Group } from "./fuse.ts";
import type { PlacedGraph } from "./lower_views.ts";
import { groupReads, groupsBefore } from "./schedule.ts";

// Groups that are further apart keep values alive between them for too long.
const WINDOW = 16;
// More would be long to compile, and their number would seldom come again.
const MOST_BESIDE = 4;
// Larger results keep a device busy by themselves.
const MOST_ELEMENTS = 2 ** 18;
// Values of so few elements may be kept for longer than without.
const LITTLE_ROOM = 2 ** 12;
// The same of any value that is made a few groups earlier.
const NEAR = 4;

/**
 * Puts independent groups into one dispatch, where their kernels have equal
 * workgroups: updates in place, and on a GPU small calls of one kernel on
 * operands of equal shapes, such as the narrow products of several adapters.
 *
 * @param placed The graph.
 * @param groups The groups, each after what must come before it.
 * @param traits What the device is like.
 * @returns The groups of each dispatch, in order.
 */
export function sideBySide(
  placed: PlacedGraph,
  groups: readonly Group[],
  traits: DeviceTraits,
): readonly (readonly Group[])[] {
  const keys = groups.map((group) => workgroupKey(placed, group, traits));
  const known = new Set<string>();
  const again = keys.some((key) =>
    key !== undefined && known.size === known.add(key).size
  );
  if (!again) return groups.map((group) => [group]);

  const before = groupsBefore(placed, groups);
  const lastRead = new Map<number, number>();
  groups.forEach((group, index) => {
    for (const base of groupReads(placed, group)) lastRead.set(base, index);
  });
  const dispatches: Dispatch[] = [];
  const dispatchOf: Dispatch[] = [];

  const roomOf = (id: number): number => elementCount(placed.nodes[id]!.shape);

  /** Whether what groups read is read until another one, or takes little room. */
  function isDone(members: readonly number[], until: number): boolean {
    return members.every((member) =>
      groupReads(placed, groups[member]!).every((base) => {
        const isGiven = !placed.nodes[base]!.operation;
        return isGiven || lastRead.get(base)! >= until ||
          roomOf(base) <= LITTLE_ROOM;
      })
    );
  }

  /** Whether a group can be moved to where a dispatch is, or that to it. */
  function fits(index: number, dispatch: Dispatch): boolean {
    const { members, place, needed } = dispatch;
    if (members.length >= MOST_BESIDE || index - members[0]! > WINDOW) {
      return false;
    }
    const free = before[index]!.every((group) => {
      const other = dispatchOf[group]!;
      return other !== dispatch && (!needed || other.place < place);
    });
    if (!free) return false;
    const isLight = needed
      ? index - place <= NEAR || roomOf(groups[index]!.root) <= LITTLE_ROOM
      : isDone(members, index);
    if (!isLight) return false;
    const buffers = [...members, index].reduce(
      (total, member) => total + bufferCount(placed, groups[member]!),
      0,
    );
    return buffers <= traits.maxStorageBuffers;
  }

  const open = new Map<string, Dispatch>();
  groups.forEach((_, index) => {
    const key = keys[index];
    let dispatch = key === undefined ? undefined : open.get(key);
    if (dispatch && fits(index, dispatch)) {
      dispatch.members.push(index);
      // What nothing needs so far runs as late as its last part.
      if (!dispatch.needed) dispatch.place = index;
    } else {
      dispatch = { members: [index], place: index, needed: false };
      dispatches.push(dispatch);
      if (key !== undefined) open.set(key, dispatch);
    }
    dispatchOf.push(dispatch);
    for (const other of before[index]!) dispatchOf[other]!.needed = true;
  });
  return dispatches.toSorted((a, b) => a.place - b.place)
    .map(({ members }) => members.map((index) => groups[index]!));
}

/** Groups that are one dispatch. */
interface Dispatch {
  /** Their numbers. */
  readonly members: number[];
  /** The number of the group at whose place it runs. */
  place: number;
  /** Whether a group that was looked at needs what it makes. */
  needed: boolean;
}

/** Equal for groups whose kernels have equal workgroups, if that is known. */
function workgroupKey(
  { nodes, places }: PlacedGraph,
  { root, main, elementwise, loads }: Group,
  { adapterClass, isSequential = adapterClass === "software" }: DeviceTraits,
): string | undefined {
  if (main === undefined) return undefined;
  const { operation, inputs, attributes, shape } = nodes[main]!;
  if (operation!.oneWorkgroupSize) return operation!.name;
  if (isSequential) return undefined;
  if (elementCount(nodes[root]!.shape) > MOST_ELEMENTS) return undefined;
  const reads = (ids: readonly number[]): unknown =>
    ids.map((id) => [
      nodes[id]!.operation!.name,
      nodes[id]!.inputs.map((input) => [
        places[input]!.view,
        nodes[places[input]!.base]!.dtype,
      ]),
    ]);
  return JSON.stringify([
    ...[operation!.name, attributes, shape, nodes[root]!.dtype],
    inputs.map((input, index) => {
      const { base, view } = places[input]!;
      const load = loads.get(index);
      return [view, nodes[base]!.dtype, load && reads(load.elementwise)];
    }),
    reads(elementwise),
  ]);
}
