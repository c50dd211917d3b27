/**
 * What to do with recorded tensors: order them, differentiate them, fuse them
 * and plan their evaluation.
 *
 * ```ts
 * import { add, exp, full } from "@wick/core-tensor";
 * import { buildPlan, ComputationGraph, DEFAULT_TRAITS } from "@wick/graph";
 * import { assertEquals } from "@std/assert";
 *
 * const x = full([2, 3], 1);
 * const { graph, roots } = ComputationGraph.trace([exp(add(x, x))]);
 * assertEquals(buildPlan(graph, roots, DEFAULT_TRAITS).steps.length, 1);
 * ```
 *
 * @module
 */
export { ComputationGraph, nodeKey } from "./computation_graph.ts";
export type {
  GraphNode,
  TracedGraph,
  TraceOptions,
} from "./computation_graph.ts";
export { recordedOrder, topologicalOrder } from "./topological_order.ts";
export { gradients, type GradientsOptions } from "./gradients.ts";
export { structureOf } from "./structure_key.ts";
export type { Structure, StructureOptions } from "./structure_key.ts";
export { NUMBER_TYPES } from "./number_pool.ts";
export type { Numbers, NumberType } from "./number_pool.ts";
export { simplify } from "./simplify.ts";
export { joinCrossEntropy } from "./join_cross_entropy.ts";
export { joinProducts } from "./join_products.ts";
export { chainProducts } from "./chain_products.ts";
export { partKeyGradients } from "./part_key_gradients.ts";
export type { RootedGraph } from "./replace_nodes.ts";
export { buildPlan, DEFAULT_TRAITS } from "./build_plan.ts";
export type { PlanOptions } from "./build_plan.ts";
export { rootBytes } from "./root_bytes.ts";
export type { RootBytes } from "./root_bytes.ts";
export { assignBuffers } from "./assign_buffers.ts";
export type { BufferAssignment, Lifetime } from "./assign_buffers.ts";
export { explain } from "./explain.ts";
export type { ExplainOptions } from "./explain.ts";
export { planSummary, stepParts, stepTraffic } from "./plan_summary.ts";
export type { PlanSummary, StepTraffic } from "./plan_summary.ts";
export { planDiagram } from "./plan_diagram.ts";
export type { Diagram, DiagramNode } from "./plan_diagram.ts";
export { toMermaid } from "./to_mermaid.ts";
export { toDot } from "./to_dot.ts";
export { toChromeTrace } from "./to_chrome_trace.ts";
export type {
  ComputedOperand,
  FusedCode,
  FusedLine,
  Plan,
  Slot,
  Step,
  StepMain,
  StepOperand,
} from "./plan.ts";
