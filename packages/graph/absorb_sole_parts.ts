import type { View } from "@wick/core-tensor";
import type { PlacedGraph } from "./lower_views.ts";

/** A group while it grows. */
export interface Draft {
  /** The node with a kernel, if any. */
  main: number | undefined;
  /** Its element-wise nodes, operands first. */
  elementwise: number[];
  /** The nodes outside that its element-wise nodes read. */
  reads: Set<number>;
  /** The expressions in it that are more than a literal. */
  length: number;
  /** Whether it needs nothing, so that its value is one literal. */
  free: boolean;
}

/** What is known of groups while they grow. */
export interface Drafts {
  /** By their last nodes. */
  readonly drafts: ReadonlyMap<number, Draft>;
  /** The roots of those that are inside others. */
  readonly absorbed: Set<number>;
  /** The nodes that are asked for, waited for or read by a kernel. */
  readonly stored: ReadonlySet<number>;
}

/**
 * Takes in what several nodes read, all of which have come into one group, as
 * those that read the sigmoid in the gradient of SiLU.
 *
 * @param placed The graph.
 * @param grown The groups; those that are taken in are marked.
 * @param can Tells whether a group can take in a part that it reads through views.
 */
export function absorbSoleParts(
  { nodes, places, computed }: PlacedGraph,
  { drafts, absorbed, stored }: Drafts,
  can: (id: number, base: number, views: readonly View[]) => boolean,
): void {
  const readers = new Map<number, Set<number>>();
  const read = (base: number, reader: number): void => {
    const known = readers.get(base);
    if (known) known.add(reader);
    else readers.set(base, new Set([reader]));
  };
  for (const [root, { reads }] of drafts) {
    if (absorbed.has(root)) continue;
    for (const base of reads) read(base, root);
  }
  // The last first: what a part reads may have come into its group with it.
  for (const base of computed.toReversed()) {
    const part = drafts.get(base);
    const [reader, ...others] = readers.get(base) ?? [];
    if (
      !part || part.free || absorbed.has(base) || stored.has(base) ||
      reader === undefined || others.length > 0
    ) continue;
    const draft = drafts.get(reader)!;
    const views = draft.elementwise.flatMap((id) =>
      nodes[id]!.inputs.map((input) => places[input]!)
        .filter((place) => place.base === base).map(({ view }) => view)
    );
    if (draft.free || !can(reader, base, views)) continue;
    absorbed.add(base);
    const after = draft.elementwise;
    draft.elementwise = [...part.elementwise];
    absorb(draft, { ...part, elementwise: after }, base);
    for (const other of part.reads) {
      readers.get(other)!.delete(base);
      read(other, reader);
    }
  }
}

/**
 * Takes a part into a group that reads it.
 *
 * @param draft The group.
 * @param part The part.
 * @param base The last node of the part.
 */
export function absorb(draft: Draft, part: Draft, base: number): void {
  draft.main ??= part.main;
  // A part that is absorbed is needed no more, so its list can go on growing.
  if (draft.elementwise.length === 0 && !part.free) {
    draft.elementwise = part.elementwise;
  } else for (const id of part.elementwise) draft.elementwise.push(id);
  draft.length += part.length;
  draft.reads.delete(base);
  for (const read of part.reads) draft.reads.add(read);
}
