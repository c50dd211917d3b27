import { after, record, type Tensor } from "@wick/core-tensor";

/** What a gradient sees of a node. */
export interface SeenNode {
  /** The operands. */
  readonly inputs: readonly Tensor[];
  /** The result. */
  readonly output: Tensor;
}

/**
 * Computes what gradients need again instead of keeping it: gradient
 * checkpointing. The values between two checkpoints are made from the first one
 * once more, when the gradient of the second is known, and the gradient of the
 * first waits until all others of its part are there, so that one part's
 * values are all that is kept at a time.
 *
 * @see {@link https://arxiv.org/abs/1604.06174 | Training with sublinear memory}
 */
export class Recomputation {
  readonly #checkpoints: readonly Tensor[];
  readonly #places: ReadonlyMap<Tensor, number>;
  /** The last checkpoint that each tensor depends on; none if absent. */
  readonly #parts = new Map<Tensor, number>();
  readonly #again = new Map<Tensor, Tensor>();
  readonly #fresh = new Set<Tensor>();

  /**
   * Sorts the nodes of a graph into parts.
   *
   * @param order All tensors, operands first.
   * @param checkpoints The tensors that are kept, first to last; what comes
   *   before the first and after the last is not computed again.
   */
  constructor(order: readonly Tensor[], checkpoints: readonly Tensor[]) {
    this.#checkpoints = checkpoints;
    this.#places = new Map(checkpoints.map((node, place) => [node, place]));
    for (const node of order) {
      const place = this.#places.get(node);
      let part = place ?? -1;
      for (const input of place === undefined ? node.inputs : []) {
        part = Math.max(part, this.#parts.get(input) ?? -1);
      }
      if (part >= 0) this.#parts.set(node, part);
    }
  }

  /**
   * Gives a node as its gradient is to see it.
   *
   * @param node The node.
   * @param found The gradients so far.
   * @returns Its operands and itself, computed again where that is wanted.
   */
  seen(node: Tensor, found: ReadonlyMap<Tensor, Tensor>): SeenNode {
    return {
      inputs: node.inputs.map((input) => this.#recompute(input, found)),
      output: this.#places.has(node) ? node : this.#recompute(node, found),
    };
  }

  /**
   * Notes that a wanted gradient got a part.
   *
   * @param x What the gradient is for.
   */
  note(x: Tensor): void {
    this.#fresh.add(x);
  }

  /**
   * Lets the gradient of a checkpoint wait for the others of its part.
   *
   * @param node Any node; others than checkpoints are left alone.
   * @param found The gradients, in which that of the checkpoint is replaced.
   */
  wait(node: Tensor, found: Map<Tensor, Tensor>): void {
    const dy = found.get(node);
    if (!dy || !this.#places.has(node)) return;
    const others = [...this.#fresh].flatMap((x) => found.get(x) ?? []);
    found.set(node, after(dy, others));
    this.#fresh.clear();
  }

  #recompute(node: Tensor, found: ReadonlyMap<Tensor, Tensor>): Tensor {
    const known = this.#again.get(node);
    if (known) return known;
    const part = this.#parts.get(node) ?? -1;
    const isInside = part >= 0 && part < this.#checkpoints.length - 1;
    if (!isInside || !node.operation) return node;
    const dy = found.get(this.#checkpoints[part + 1]!);
    const again = this.#checkpoints[part] === node
      ? after(node, dy ? [dy] : [])
      : record(
        node.operation,
        node.inputs.map((input) => this.#recompute(input, found)),
        node.attributes,
      );
    this.#again.set(node, again);
    return again;
  }
}
