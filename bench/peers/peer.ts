import type { Item } from "./item.ts";
import type { Operands } from "./operands.ts";

/** An item in the hands of a peer, with its operands where it wants them. */
export interface Work {
  /**
   * Starts the work once, without waiting for a GPU, and lets go of what the
   * time before gave. What is not awaited is synchronous.
   */
  start(): void | Promise<void>;
  /**
   * Hands to the GPU what the peer still holds back, before the clock waits for
   * it. What runs nothing unless it is asked to does so in `start`.
   */
  flush?(): void;
  /** Reads all that the last start gave, the way users of the peer do. */
  read(): Promise<readonly ArrayLike<number>[]>;
  /** Reads what a step of training updated. */
  state?(): Promise<readonly ArrayLike<number>[]>;
  /** Gives everything back. */
  close?(): void;
}

/** A library that does the same work. */
export interface Peer {
  /** Its version. */
  readonly version: string;
  /** Whether it computes on a GPU, so that the clock waits for that. */
  readonly gpu: boolean;
  /** Makes an item ready; a text says why it cannot. */
  prepare(item: Item, operands: Operands): Promise<Work | string>;
}

/** How to get a peer ready. */
export interface PeerSource {
  /** Whether it computes on WebGPU or in the process. */
  readonly side: "webgpu" | "cpu";
  /** Loads it. */
  open(): Promise<Peer>;
}
