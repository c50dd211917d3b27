import { byteLength, elementCount } from "@wick/core-tensor";
import { assignBuffers, type Lifetime } from "./assign_buffers.ts";
import type { PlacedGraph } from "./lower_views.ts";
import { owners } from "./owners.ts";
import { concatParts } from "./place_concats.ts";
import type { Slot } from "./plan.ts";
import { groupOutputs, groupReads } from "./schedule.ts";
import type { Dispatch } from "./share_dispatches.ts";

/** The slots of a plan, and the buffers that they lie in. */
export interface PlanSlots {
  /** The slots. */
  readonly slots: readonly Slot[];
  /** The bytes of each buffer that steps share. */
  readonly buffers: readonly number[];
}

/**
 * Gives each value of a plan a slot: inputs and results their own, temporary
 * values such as share buffers, and what is joined in place a part of the whole.
 *
 * @param placed The graph.
 * @param dispatches The groups of each dispatch, in order.
 * @param slotOf Is filled with the slot of each node.
 * @returns The slots.
 */
export function makeSlots(
  placed: PlacedGraph,
  dispatches: readonly Dispatch[],
  slotOf: Map<number, number>,
): PlanSlots {
  const { nodes } = placed;
  const ownerOf = owners(placed);
  const slots: Slot[] = [];
  const bytesOf = (id: number): number =>
    byteLength(nodes[id]!.dtype, elementCount(nodes[id]!.shape));
  let leaves = 0;
  nodes.forEach(({ operation }, id) => {
    if (operation) return;
    // An input that nothing needs any more keeps its place among them.
    const place = { kind: "leaf", index: leaves++ } as const;
    slotOf.set(id, slots.push({ bytes: bytesOf(id), place }) - 1);
  });
  const resultOf = new Map<number, number>();
  placed.roots.forEach((root, index) => {
    const owner = ownerOf(root);
    if (!resultOf.has(owner)) resultOf.set(owner, index);
  });
  const lastRead = new Map<number, number>();
  dispatches.forEach((dispatch, step) => {
    for (const group of dispatch.flat()) {
      for (const base of groupReads(placed, group)) {
        lastRead.set(ownerOf(base), step);
      }
    }
  });
  const lifetimes: Lifetime[] = [];
  const temporaries: number[] = [];
  const partOf = partsInPlace(placed, dispatches);
  const makeSlot = (node: number, step: number): void => {
    if (slotOf.has(node)) return;
    const part = partOf.get(node);
    if (part) {
      makeSlot(part.whole, step);
      slotOf.set(node, slots.push(partSlot(node, part)) - 1);
      return;
    }
    const owner = ownerOf(node);
    if (owner !== node) {
      slotOf.set(node, slotOf.get(owner)!);
      return;
    }
    const bytes = bytesOf(node);
    const result = resultOf.get(node);
    const place = result !== undefined
      ? { kind: "result", index: result } as const
      : { kind: "buffer", index: -1 } as const;
    const slot = slots.push({ bytes, place }) - 1;
    slotOf.set(node, slot);
    if (result !== undefined) return;
    temporaries.push(slot);
    lifetimes.push({ bytes, from: step, to: lastRead.get(node) ?? step });
  };
  dispatches.forEach((dispatch, step) => {
    for (const node of dispatch.flat().flatMap(groupOutputs)) {
      makeSlot(node, step);
    }
  });
  const { buffers, indexes } = assignBuffers(lifetimes);
  temporaries.forEach((slot, index) =>
    slots[slot] = {
      ...slots[slot]!,
      place: { kind: "buffer", index: indexes[index]! },
    }
  );
  return { slots, buffers };

  function partSlot(
    node: number,
    { whole, first }: Part,
  ): Slot {
    const [bytes, count] = [bytesOf(node), elementCount(nodes[node]!.shape)];
    const slot = slotOf.get(whole)!;
    const { place } = slots[slot]!;
    // Parts of a part are parts of the whole.
    return place.kind === "part"
      ? { bytes, place: { ...place, first: place.first + first, count } }
      : { bytes, place: { kind: "part", slot, first, count } };
  }
}

/** Where a value lies in another. */
interface Part {
  /** The node that it is a part of. */
  readonly whole: number;
  /** Its first element there. */
  readonly first: number;
}

/** The values that are written where they are joined. */
function partsInPlace(
  placed: PlacedGraph,
  dispatches: readonly Dispatch[],
): ReadonlyMap<number, Part> {
  const parts = new Map<number, Part>();
  for (const { root, inPlace } of dispatches.flat(2)) {
    if (!inPlace) continue;
    for (const { input, offset } of concatParts(placed, root)) {
      const { base } = placed.places[input]!;
      parts.set(base, { whole: root, first: offset! });
    }
  }
  return parts;
}
