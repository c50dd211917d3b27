import {
  type DeviceTraits,
  elementCount,
  JOINT_MATMUL,
  MATMUL,
} from "@wick/core-tensor";
import type { Group } from "./fuse.ts";
import { fusedCode } from "./fused_code.ts";
import { isWhole, type PlacedGraph } from "./lower_views.ts";
import { groupOutputs, groupReads, groupsBefore } from "./schedule.ts";
import { UnitGraph } from "./unit_graph.ts";

/** The groups of a dispatch: chains that run side by side. */
export type Dispatch = readonly (readonly Group[])[];

/**
 * Decides which groups run in one dispatch. Products of one size whose results
 * meet element by element (`silu(x·G) * (x·U)`, the sum of many products) become
 * a chain: the threads that computed an element of one go on with the same
 * element of the next. Chains that need nothing of each other run side by side,
 * such as q, k and v, the gradients of adapters, or updates in place.
 *
 * @param placed The graph.
 * @param groups The groups, in an order in which they can run.
 * @param traits What the device is like. Without `maxDispatchSteps` only updates
 *   share a dispatch.
 * @returns The groups of each dispatch, in an order in which they can run.
 */
export function shareDispatches(
  placed: PlacedGraph,
  groups: readonly Group[],
  traits: DeviceTraits,
): readonly Dispatch[] {
  const { maxStorageBuffers, maxDispatchSteps } = traits;
  const facts = groups.map((group) => factsOf(placed, group, traits));
  if (!mayShare(facts)) return groups.map((group) => [[group]]);
  const units = new UnitGraph(groupsBefore(placed, groups));
  const fits = (members: readonly number[]): boolean =>
    members.length <= (maxDispatchSteps ?? MOST_UPDATES) &&
    buffersOf(members.map((index) => facts[index]!)) <= maxStorageBuffers;

  const makers = new Map<number, number>();
  groups.forEach(({ root }, index) => makers.set(root, index));
  facts.forEach(({ atElement, chains }, index) => {
    if (!chains) return;
    for (const base of atElement) {
      const maker = makers.get(base);
      if (maker === undefined || index - maker > CLOSE) continue;
      const members = units.members(maker);
      const joined = [...members, ...units.members(index)];
      if (
        // What starts with no product has other threads.
        facts[members[0]!]!.matrix !== undefined &&
        isChain(joined.map((other) => facts[other]!)) && fits(joined)
      ) units.chain(maker, index);
    }
  });

  // First those that are most alike, so that they do not part.
  for (const alike of ["operand", "result", "kind"] as const) {
    const places = new Map<string, number[]>();
    facts.forEach((own, index) => {
      const key = own[alike];
      if (units.unitOf(index) !== index || key === undefined) return;
      const others = places.get(key) ?? [];
      places.set(key, others);
      const other = others.slice(-NEAR).findLast((other) =>
        fits([...units.members(other), ...units.members(index)]) &&
        units.beside(other, index)
      );
      if (other === undefined) others.push(index);
    });
  }
  return units.order.map((chains) =>
    chains.map((chain) => chain.map((index) => groups[index]!))
  );
}

/** Whether any two could share a dispatch. */
function mayShare(facts: readonly Facts[]): boolean {
  const kinds = new Set<string>();
  return facts.some(({ kind, chains }) =>
    chains || (kind !== undefined && kinds.size === kinds.add(kind).size)
  );
}

// The last units of a kind that another may join: those before lie so far back
// that values would be kept long, and looking for a path takes time.
const NEAR = 8;
// What comes so much later than what it goes on with is not needed yet.
const CLOSE = 16;
// Longer lists of updates seldom come again.
const MOST_UPDATES = 4;
// A product of more multiplications than these, or a kernel that reads or makes
// more elements, keeps a device busy by itself, and its operands are large. A
// rasteriser on the CPU runs the branches of all kernels in each workgroup, some
// with no thread active, so it gains only where the work is less than a dispatch,
// and compiling is short: products and rotations of a few tokens.
const MUCH_WORK = {
  gpu: {
    product: 2 ** 30,
    // Nor do the threads that multiplied do element-wise code well: SwiGLU of
    // [512, 896] by [896, 4864] takes 467 µs on an H200 in one dispatch, and 350
    // in four. The sum of two products takes 420 in one and 490 in two.
    beforeElements: 2 ** 30,
    elements: 2 ** 22,
    kinds: undefined,
  },
  software: {
    product: 2 ** 20,
    beforeElements: Infinity,
    elements: 2 ** 14,
    kinds: new Set(["product", "rope"]),
  },
} as const;

/** What matters of a group for sharing a dispatch. */
interface Facts {
  /** What it may run beside; `undefined` if beside nothing. */
  readonly kind: string | undefined;
  /** The same, with its first operand: for products of one matrix. */
  readonly operand: string | undefined;
  /** The same, with its shape. */
  readonly result: string | undefined;
  /** Rows and columns, if it is a product of two matrices or of two pairs. */
  readonly matrix: string | undefined;
  /** Whether it may be part of a chain. */
  readonly chains: boolean;
  /** Whether it is so large a product that only products go on with it. */
  readonly large: boolean;
  /** How many elements it makes. */
  readonly count: number;
  /** What its fused code reads at the index of the element, and only there. */
  readonly atElement: ReadonlySet<number>;
  /** What it reads otherwise. */
  readonly elsewhere: ReadonlySet<number>;
  /** The nodes that it makes. */
  readonly outputs: readonly number[];
  /** The buffers that it writes and does not read. */
  readonly buffers: number;
}

function factsOf(
  placed: PlacedGraph,
  group: Group,
  { maxDispatchSteps, adapterClass }: DeviceTraits,
): Facts {
  const { nodes, places } = placed;
  const { root, main } = group;
  const node = nodes[root]!;
  const own = main === undefined ? undefined : nodes[main]!;
  const operation = own?.operation;
  const product = (operation === MATMUL || operation === JOINT_MATMUL) &&
    elementCount(own!.shape.slice(0, -2)) === 1;
  const [left] = own?.inputs ?? [];
  const count = elementCount(node.shape);
  // Of a product, or of the two that are added up: those of their left operands.
  const innerSizes = product
    ? own!.inputs.filter((_, i) => i % 2 === 0)
      .map((input) => nodes[input]!.shape.at(-1)!)
    : [];
  const work = elementCount(own?.shape ?? []) *
    innerSizes.reduce((sum, inner) => sum + inner, 0);
  const most = MUCH_WORK[adapterClass];
  const largest = product || !own ? count : own.inputs.reduce(
    (size, input) => Math.max(size, elementCount(nodes[input]!.shape)),
    count,
  );
  const shares = maxDispatchSteps !== undefined && largest <= most.elements &&
    !group.inPlace;
  const updates = operation?.updates !== undefined;
  const name = operation?.besides ?? operation?.name ?? "element-wise";
  const wanted = product ? "product" : name;
  const kind = operation?.oneWorkgroupSize
    ? name
    : !shares || work > most.product || (updates && !operation.besides) ||
        most.kinds?.has(wanted) === false
    ? undefined
    : wanted;
  const outputs = groupOutputs(group);
  return {
    ...{ kind, count, outputs, ...readsOf(placed, group) },
    operand: kind && left !== undefined
      ? `${name} of ${places[left]!.base}`
      : undefined,
    result: kind && `${name} to ${node.shape}`,
    matrix: product ? own!.shape.slice(-2).join() : undefined,
    chains: shares && (product || !own) && node.dtype === "f32" &&
      outputs.length === 1,
    large: work > most.beforeElements,
    buffers: outputs.length - (updates ? 1 : 0),
  };
}

/** What a group reads at the index of the element, and what elsewhere. */
function readsOf(
  placed: PlacedGraph,
  group: Group,
): Pick<Facts, "atElement" | "elsewhere"> {
  const { nodes } = placed;
  const atElement = new Set<number>();
  const elsewhere = new Set(groupReads(placed, { ...group, elementwise: [] }));
  const code = fusedCode(placed, group, (base) => base);
  for (const line of code?.lines ?? []) {
    if (line.kind !== "load") continue;
    const { slot, view } = code!.operands[line.operand]!;
    const whole = line.at === "i" && isWhole(view, nodes[slot]!.shape);
    (whole ? atElement : elsewhere).add(slot);
  }
  return { atElement: atElement.difference(elsewhere), elsewhere };
}

/**
 * Whether groups can be a chain: all of one size, and each reads what the others
 * make only at its own element; only products if one of them is large.
 */
function isChain(groups: readonly Facts[]): boolean {
  const { count } = groups[0]!;
  const matrix = groups.find(({ matrix }) => matrix !== undefined)?.matrix;
  const made = new Set(groups.flatMap(({ outputs }) => outputs));
  const onlyProducts = groups.some(({ large }) => large);
  return groups.every((group) =>
    group.chains && group.count === count &&
    (onlyProducts ? group.matrix : group.matrix ?? matrix) === matrix &&
    group.elsewhere.isDisjointFrom(made)
  );
}

/** The buffers that a dispatch of some groups has at most. */
function buffersOf(members: readonly Facts[]): number {
  const made = new Set(members.flatMap(({ outputs }) => outputs));
  const read = (names: (facts: Facts) => ReadonlySet<number>): number =>
    new Set(members.flatMap((facts) => [...names(facts)]))
      .difference(made).size;
  return members.reduce((sum, { buffers }) => sum + buffers, 0) +
    read(({ atElement }) => atElement) + read(({ elsewhere }) => elsewhere);
}
