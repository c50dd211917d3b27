import { type DeviceTraits, isGpu } from "@wick/core-tensor";
import { unsharedBytes } from "./assign_buffers.ts";
import type { ComputationGraph } from "./computation_graph.ts";
import { fuse, type Group } from "./fuse.ts";
import { fusedCode, stepOperand } from "./fused_code.ts";
import { lowerViews, type PlacedGraph } from "./lower_views.ts";
import { chainProducts } from "./chain_products.ts";
import { copyOperands } from "./copy_operands.ts";
import { joinCrossEntropy } from "./join_cross_entropy.ts";
import { joinProducts } from "./join_products.ts";
import { makeSlots } from "./make_slots.ts";
import { partKeyGradients } from "./part_key_gradients.ts";
import type { ComputedOperand, Plan, Step, StepOperand } from "./plan.ts";
import type { RootedGraph } from "./replace_nodes.ts";
import { schedule } from "./schedule.ts";
import { shareDispatches } from "./share_dispatches.ts";
import { simplify } from "./simplify.ts";

/** Options of {@linkcode buildPlan}. */
export interface PlanOptions {
  /** Whether operations are fused; true if absent. */
  readonly fusion?: boolean;
}

/**
 * Plans the evaluation of nodes: simplifies, folds views, fuses, orders, and lets
 * temporary values share buffers.
 *
 * @example Usage
 * ```ts
 * import { exp, full, mul } from "@wick/core-tensor";
 * import { buildPlan, ComputationGraph, DEFAULT_TRAITS } from "@wick/graph";
 * import { assertEquals } from "@std/assert";
 *
 * const y = exp(mul(exp(full([4], 1)), full([4], 2)));
 * const { graph, roots } = ComputationGraph.trace([y]);
 * assertEquals(buildPlan(graph, roots, DEFAULT_TRAITS).steps.length, 1);
 * ```
 *
 * @param graph The graph.
 * @param roots The nodes that are asked for.
 * @param traits What the device is like.
 * @param options Whether to fuse.
 * @returns The plan.
 */
export function buildPlan(
  graph: ComputationGraph,
  roots: readonly number[],
  traits: DeviceTraits,
  options: PlanOptions = {},
): Plan {
  const { fusion = true } = options;
  const joined = fusion
    ? partKeyGradients(
      joinCrossEntropy(joinProducts(simplify({ graph, roots }))),
      traits,
    )
    : { graph, roots };
  const planOf = (rooted: RootedGraph): Plan => ({
    ...planAsIs(rooted, traits, fusion),
    nodeCount: graph.length,
    unfusedCount: countOperations(graph, roots),
  });
  const plan = planOf(joined);
  // Elsewhere dispatches cost less than barriers: llvmpipe takes 0.31 ms for the
  // two of a delta of [64, 512] by 512 and rank 8, and 1.8 ms for one.
  if (!fusion || !isGpu(traits)) return plan;
  const chained = chainProducts(joined);
  if (chained.graph === joined.graph) return plan;
  const other = planOf(chained);
  // Products one by one may share their dispatches with others.
  return other.steps.length < plan.steps.length ? other : plan;
}

/** Plans a graph whose operations stay as they are. */
function planAsIs(
  { graph, roots }: RootedGraph,
  traits: DeviceTraits,
  fusion: boolean,
): Omit<Plan, "nodeCount" | "unfusedCount"> {
  const placed = copyOperands(lowerViews(graph, roots));
  const { maxStorageBuffers, partAlignment = 256 } = traits;
  const groups = schedule(
    placed,
    fuse(placed, { maxStorageBuffers, partAlignment, enabled: fusion }),
  );
  const dispatches = fusion
    ? shareDispatches(placed, groups, traits)
    : groups.map((group) => [[group]]);
  const slotOf = new Map<number, number>();
  const slots = makeSlots(placed, dispatches, slotOf);
  const find = (base: number): number => slotOf.get(base)!;
  const steps = dispatches.filter(([chain]) => !chain![0]!.inPlace).map((
    dispatch,
  ) =>
    joinSteps(
      dispatch.map((chain) =>
        chain.map((group) => makeStep(placed, group, find))
      ),
    )
  );
  return {
    steps,
    ...slots,
    results: placed.roots.map(find),
    unsharedBytes: unsharedBytes(slots.slots),
  };
}

/** What the specification promises of every device. */
export const DEFAULT_TRAITS: DeviceTraits = {
  adapterClass: "gpu",
  maxWorkgroupThreads: 256,
  maxWorkgroupBytes: 16384,
  maxStorageBuffers: 8,
};

/** The operations that are work of their own: no views, no literals. */
function countOperations(
  graph: ComputationGraph,
  roots: readonly number[],
): number {
  const asked = new Set(roots);
  return graph.topologicalOrder(roots).filter((id) => {
    const { operation, inputs } = graph.node(id);
    if (!operation || operation.view) return false;
    return inputs.length > 0 || !operation.expression || asked.has(id);
  }).length;
}

/** The steps of a dispatch, chains side by side, as one. */
function joinSteps(chains: readonly (readonly Step[])[]): Step {
  const [first, ...beside] = chains.map(([step, ...then]) =>
    then.length === 0 ? step! : { ...step!, then }
  );
  if (beside.length === 0 && !first!.then) return first!;
  const label = chains.map((chain) =>
    chain.map(({ label }) => label).join(", ")
  ).join(" | ");
  return { ...first!, label, ...(beside.length > 0 && { beside }) };
}

function makeStep(
  placed: PlacedGraph,
  group: Group,
  slotOf: (base: number) => number,
): Step {
  const { nodes, places } = placed;
  const { root, main, elementwise, loads } = group;
  const operand = (
    input: number,
    index: number,
  ): StepOperand | ComputedOperand => {
    const { base, view } = places[input]!;
    const load = loads.get(index);
    if (!load) return stepOperand(placed, base, view, slotOf(base));
    const { dtype, shape } = nodes[base]!;
    const code = fusedCode(placed, { ...load, main: undefined }, slotOf)!;
    return {
      ...{ dtype, view, shape, code },
      ...(load.stored && { stored: slotOf(base) }),
    };
  };
  const node = main === undefined ? undefined : nodes[main]!;
  const named = (ids: readonly number[]): string[] =>
    ids.map((id) => nodes[id]!.operation!.name)
      .filter((name) => name !== "full");
  const names = [
    ...[...loads.values()].flatMap(({ elementwise }) => named(elementwise)),
    ...(node ? [node.operation!.name] : []),
    ...named(elementwise),
  ];
  const { shape, dtype } = nodes[root]!;
  return {
    label: names.join("+") || "full",
    main: node && {
      operation: node.operation!,
      attributes: node.attributes,
      operands: node.inputs.map(operand),
      shape: node.shape,
      dtype: node.dtype,
    },
    fused: fusedCode(placed, group, slotOf),
    output: slotOf(root),
    shape,
    dtype,
  };
}
