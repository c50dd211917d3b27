import type { DType } from "@wick/core-tensor";
import { type Plan, stepParts } from "@wick/graph";
import type { CpuArray } from "./cpu_array.ts";
import { BLOCK_ALIGNMENT } from "./memory_blocks.ts";
import type { SharedMemory } from "./memory.ts";

/** An array that a step writes to a buffer of its plan. */
interface Place {
  readonly slot: number;
  readonly dtype: DType;
  readonly buffer: number;
  readonly count: number;
}

/**
 * Where the buffers of a plan lie: one behind the other, from an address on.
 * Plans run one after the other, so all of a device start at the same address.
 */
export class PlanArrays {
  /** The bytes of all buffers. */
  readonly bytes: number;
  readonly #places: readonly Place[];
  readonly #starts: readonly number[];
  readonly #arrays: (CpuArray | undefined)[];
  #start = 0;

  /**
   * Lays the buffers out.
   *
   * @param plan The plan.
   */
  constructor(plan: Plan) {
    this.#places = placesOf(plan);
    this.#arrays = new Array<CpuArray | undefined>(plan.slots.length);
    const sizes = new Array<number>(plan.buffers.length).fill(0);
    for (const { buffer, count } of this.#places) {
      sizes[buffer] = Math.max(sizes[buffer]!, 4 * count);
    }
    let bytes = 0;
    this.#starts = sizes.map((size) => {
      const start = bytes;
      bytes += Math.ceil(size / BLOCK_ALIGNMENT) * BLOCK_ALIGNMENT;
      return start;
    });
    this.bytes = bytes;
  }

  /**
   * Gives the arrays of the slots that lie in buffers.
   *
   * @param memory The memory.
   * @param start Where the buffers start.
   * @returns An array for each such slot, nothing for others.
   */
  at(memory: SharedMemory, start: number): readonly (CpuArray | undefined)[] {
    if (start === this.#start) return this.#arrays;
    for (const { slot, dtype, buffer, count } of this.#places) {
      const address = start + this.#starts[buffer]!;
      this.#arrays[slot] = memory.array(dtype, address, count);
    }
    this.#start = start;
    return this.#arrays;
  }
}

/** What steps write to buffers; 16-bit floats are held widened. */
function placesOf({ slots, steps }: Plan): Place[] {
  const types = new Array<DType>(slots.length).fill("f32");
  for (const step of steps) {
    for (const { output, dtype } of stepParts(step)) {
      const { place } = slots[output]!;
      types[place.kind === "part" ? place.slot : output] = dtype;
    }
  }
  return slots.flatMap(({ bytes, place }, slot) => {
    if (place.kind !== "buffer") return [];
    const dtype = types[slot]!;
    const count = dtype === "f16" || dtype === "bf16" ? bytes / 2 : bytes / 4;
    return [{ slot, dtype, buffer: place.index, count }];
  });
}
