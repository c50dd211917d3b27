import {
  type DType,
  type Operation,
  sameShape,
  type Shape,
  type Storage,
  type Tensor,
} from "@wick/core-tensor";
import { BROADCAST_TO, RESHAPE, SLICE } from "@wick/core-tensor/ops";
import { NUMBER_TYPES, NumberPool, type NumberType } from "./number_pool.ts";
import { topologicalOrder } from "./topological_order.ts";

/** A node: something given from outside, or an operation on nodes before. */
export interface GraphNode {
  /** The operation; absent on what is given. */
  readonly operation: Operation | undefined;
  /** The nodes that it is applied to. */
  readonly inputs: readonly number[];
  /** The options of the operation. */
  readonly attributes: unknown;
  /** The size along each axis. */
  readonly shape: Shape;
  /** The element type. */
  readonly dtype: DType;
}

/** A graph read off recorded tensors. */
export interface TracedGraph {
  /** The nodes. */
  readonly graph: ComputationGraph;
  /** The known tensors, in the order of the graph's inputs. */
  readonly leaves: readonly Tensor[];
  /** The node of each root. */
  readonly roots: readonly number[];
}

/** Options of {@linkcode ComputationGraph.trace}. */
export interface TraceOptions {
  /**
   * Whether numbers are inputs, one for each type that there is, before all
   * others: as many elements as numbers and one of no meaning. They are
   * literals if absent.
   */
  readonly numbers?: boolean;
}

/**
 * Nodes in an order in which each comes after its operands. Equal operations
 * on equal operands are one node.
 *
 * @example Usage
 * ```ts
 * import { ADD } from "@wick/core-tensor/ops";
 * import { ComputationGraph } from "@wick/graph";
 * import { assertEquals } from "@std/assert";
 *
 * const graph = new ComputationGraph();
 * const x = graph.addInput([2, 3], "f32");
 * const sum = graph.addNode(ADD, [x, x], undefined);
 * assertEquals(graph.node(sum).shape, [2, 3]);
 * assertEquals(graph.addNode(ADD, [x, x], undefined), sum);
 * ```
 */
export class ComputationGraph {
  readonly #nodes: GraphNode[] = [];
  readonly #known = new Map<string, number>();

  /**
   * Reads the graph that tensors were recorded from.
   *
   * @param roots The last tensors.
   * @param options Whether numbers are inputs.
   * @returns The graph, what it starts from, and where the roots are.
   * @throws {TypeError} If a tensor was disposed of, so that it is neither
   *   known nor recorded.
   */
  static trace(
    roots: readonly Tensor[],
    options: TraceOptions = {},
  ): TracedGraph {
    const graph = new ComputationGraph();
    const ids = new Map<Tensor, number>();
    const leaves: Tensor[] = [];
    const holders = new Map<Storage, number>();
    const order = topologicalOrder(roots);
    const numberOf = options.numbers
      ? graph.#addNumbers(order)
      : new Map<Tensor, number>();
    for (const tensor of order) {
      const number = numberOf.get(tensor);
      if (number !== undefined) {
        ids.set(tensor, number);
        continue;
      }
      if (tensor.storage) {
        const { storage, shape, dtype } = tensor;
        const holder = holders.get(storage);
        // Tensors that share bytes are one input, so that an update in place
        // of one is seen to change the other.
        if (holder !== undefined) {
          ids.set(
            tensor,
            sameShape(graph.node(holder).shape, shape)
              ? holder
              : graph.addNode(RESHAPE, [holder], { shape }),
          );
          continue;
        }
        const id = graph.addInput(shape, dtype);
        leaves.push(tensor);
        holders.set(storage, id);
        ids.set(tensor, id);
        continue;
      }
      const operation = requireOperation(tensor);
      const inputs = tensor.inputs.map((input) => ids.get(input)!);
      ids.set(
        tensor,
        graph.addNode(operation, inputs, tensor.attributes),
      );
    }
    return { graph, leaves, roots: roots.map((root) => ids.get(root)!) };
  }

  /** The number of nodes. */
  get length(): number {
    return this.#nodes.length;
  }

  /** The nodes, operands first. */
  get nodes(): readonly GraphNode[] {
    return this.#nodes;
  }

  /**
   * Adds a value that is given from outside.
   *
   * @param shape The size along each axis.
   * @param dtype The element type.
   * @returns The number of the node.
   */
  addInput(shape: Shape, dtype: DType): number {
    return this.#push({
      operation: undefined,
      inputs: [],
      attributes: undefined,
      shape,
      dtype,
    });
  }

  /**
   * Adds an operation, or finds the equal one that is there.
   *
   * @param operation The operation.
   * @param inputs The nodes that it is applied to.
   * @param attributes Its options.
   * @returns The number of the node.
   * @throws {RangeError} If an input is not a node of this graph, there are too
   *   few or too many, or their shapes do not fit.
   * @throws {TypeError} If their types do not fit.
   */
  addNode<Attributes>(
    operation: Operation<Attributes>,
    inputs: readonly number[],
    attributes: Attributes,
  ): number {
    const { name, operandCount = inputs.length } = operation;
    if (inputs.length !== operandCount) {
      throw new RangeError(
        `Cannot ${name} ${inputs.length} operands: it takes ${operandCount}`,
      );
    }
    const operands = inputs.map((input) => this.node(input));
    const key = nodeKey(name, inputs, attributes);
    const equal = operation.updates === undefined
      ? this.#known.get(key)
      : undefined;
    if (equal !== undefined) return equal;
    const { shape, dtype } = operation.infer(operands, attributes);
    const id = this.#push({ operation, inputs, attributes, shape, dtype });
    this.#known.set(key, id);
    return id;
  }

  /**
   * Gives a node.
   *
   * @param id Its number.
   * @returns The node.
   * @throws {RangeError} If there is none of that number.
   */
  node(id: number): GraphNode {
    const node = this.#nodes[id];
    if (!node) {
      throw new RangeError(
        `Cannot find node ${id}: the graph has ${this.#nodes.length} nodes`,
      );
    }
    return node;
  }

  /**
   * Lists the nodes that some need, operands first.
   *
   * @param roots The last nodes; all if absent.
   * @returns The numbers of the nodes.
   */
  topologicalOrder(roots?: readonly number[]): number[] {
    if (!roots) return this.#nodes.map((_, id) => id);
    // Operands have lower numbers, so one sweep from the end finds all.
    const needed = new Uint8Array(this.#nodes.length);
    for (const root of roots) {
      this.node(root);
      needed[root] = 1;
    }
    for (let id = needed.length - 1; id >= 0; id--) {
      if (needed[id]) {
        for (const input of this.node(id).inputs) needed[input] = 1;
      }
    }
    return this.#nodes.map((_, id) => id).filter((id) => needed[id]);
  }

  /** Adds the numbers of tensors as inputs, and gives the nodes that repeat them. */
  #addNumbers(order: readonly Tensor[]): Map<Tensor, number> {
    const pool = new NumberPool(order);
    const places = new Map(
      order.filter(({ storage }) => !storage)
        .map((tensor) => [tensor, pool.place(tensor)] as const),
    );
    const inputs = new Map<NumberType, number>();
    for (const dtype of NUMBER_TYPES) {
      const { length } = pool.numbers[dtype];
      // One more, so that no number is all of an input, whose bytes it would be.
      if (length > 0) inputs.set(dtype, this.addInput([length + 1], dtype));
    }
    const nodes = new Map<Tensor, number>();
    for (const [tensor, place] of places) {
      if (!place) continue;
      const { dtype, index, shape } = place;
      const input = inputs.get(dtype)!;
      const one = this.addNode(SLICE, [input], { start: [index], shape: [1] });
      const number = this.addNode(RESHAPE, [one], {
        shape: shape.map(() => 1),
      });
      nodes.set(tensor, this.addNode(BROADCAST_TO, [number], { shape }));
    }
    return nodes;
  }

  #push(node: GraphNode): number {
    this.#nodes.push(node);
    return this.#nodes.length - 1;
  }
}

/**
 * Gives the operation of a tensor that is not known.
 *
 * @param tensor The tensor.
 * @returns Its operation.
 * @throws {TypeError} If it was disposed of, so that it has none.
 */
export function requireOperation({ operation, shape }: Tensor): Operation {
  if (operation) return operation;
  throw new TypeError(
    `Cannot evaluate with a tensor of [${shape}]: it was disposed of`,
  );
}

/**
 * Gives a text that is equal for equal operations on equal operands.
 *
 * @param name The operation.
 * @param inputs The numbers of its operands.
 * @param attributes Its options.
 * @returns The text.
 */
export function nodeKey(
  name: string,
  inputs: readonly number[],
  attributes: unknown,
): string {
  const text = `${name}(${inputs.join()})`;
  return attributes === undefined ? text : text + attributesKey(attributes);
}

/**
 * Gives a text that is equal for equal options of an operation.
 *
 * @param attributes The options.
 * @returns The text.
 */
export function attributesKey(attributes: unknown): string {
  // JSON has no -0, infinity and NaN, which are different attributes.
  if (typeof attributes === "number") {
    return Object.is(attributes, -0) ? "-0" : `${attributes}`;
  }
  if (typeof attributes !== "object" || attributes === null) {
    return JSON.stringify(attributes) ?? "";
  }
  // Loops: this is a third of what it takes to know a recorded graph again.
  if (Array.isArray(attributes)) {
    let key = "[";
    for (const value of attributes) key += `${attributesKey(value)},`;
    return `${key}]`;
  }
  let key = "{";
  for (const name of Object.keys(attributes)) {
    key += `${name}:${attributesKey(Reflect.get(attributes, name))},`;
  }
  return `${key}}`;
}
