/** Every block starts at a multiple of it, a line of the caches. */
export const BLOCK_ALIGNMENT = 64;

interface Block {
  start: number;
  bytes: number;
  free: boolean;
  before: Block | undefined;
  after: Block | undefined;
}

/**
 * Hands out parts of a range of addresses: free blocks are kept by size, a
 * quarter of a power of two apart, and join their free neighbours.
 *
 * @example Usage
 * ```ts ignore
 * const blocks = new MemoryBlocks(64, 1024);
 * const address = blocks.allocate(100); // 64
 * blocks.free(64);
 * ```
 */
export class MemoryBlocks {
  readonly #buckets: Set<Block>[] = [];
  readonly #used = new Map<number, Block>();
  #last: Block | undefined;
  #end: number;

  /**
   * Makes an allocator.
   *
   * @param start The first address, a multiple of the alignment.
   * @param end The first address after the last.
   */
  constructor(start: number, end: number) {
    this.#end = start;
    this.extend(end);
  }

  /** The first address after the range. */
  get end(): number {
    return this.#end;
  }

  /**
   * Takes a block.
   *
   * @param bytes How many bytes.
   * @returns Its address; undefined if none is large enough.
   */
  allocate(bytes: number): number | undefined {
    const wanted = Math.max(roundUp(bytes), BLOCK_ALIGNMENT);
    const block = this.#find(wanted);
    if (!block) return undefined;
    this.#leave(block);
    if (block.bytes > wanted) {
      const rest: Block = {
        start: block.start + wanted,
        bytes: block.bytes - wanted,
        free: true,
        before: block,
        after: block.after,
      };
      if (block.after) block.after.before = rest;
      else this.#last = rest;
      block.after = rest;
      block.bytes = wanted;
      this.#enter(rest);
    }
    this.#used.set(block.start, block);
    return block.start;
  }

  /**
   * Gives a block back.
   *
   * @param address What {@linkcode MemoryBlocks.allocate} returned.
   * @throws {RangeError} If no block that is in use starts there.
   */
  free(address: number): void {
    const block = this.#used.get(address);
    if (!block) {
      throw new RangeError(
        `Cannot free the block at ${address}: none in use starts there`,
      );
    }
    this.#used.delete(address);
    this.#enter(this.#joined(block));
  }

  /**
   * Makes the range longer.
   *
   * @param end The new first address after it.
   */
  extend(end: number): void {
    const bytes = Math.floor((end - this.#end) / BLOCK_ALIGNMENT) *
      BLOCK_ALIGNMENT;
    if (bytes <= 0) return;
    const block: Block = {
      start: this.#end,
      ...{ bytes, free: true, before: this.#last, after: undefined },
    };
    if (this.#last) this.#last.after = block;
    this.#last = block;
    this.#end += bytes;
    this.#enter(this.#joined(block));
  }

  #find(wanted: number): Block | undefined {
    for (let i = bucketOf(wanted); i < this.#buckets.length; i++) {
      // Only in the first one a block may be too small.
      for (const block of this.#buckets[i] ?? []) {
        if (block.bytes >= wanted) return block;
      }
    }
    return undefined;
  }

  #joined(block: Block): Block {
    const { before, after } = block;
    if (after?.free) {
      this.#leave(after);
      this.#swallow(block, after);
    }
    if (!before?.free) return block;
    this.#leave(before);
    this.#swallow(before, block);
    return before;
  }

  #swallow(block: Block, after: Block): void {
    block.bytes += after.bytes;
    block.after = after.after;
    if (after.after) after.after.before = block;
    else this.#last = block;
  }

  #enter(block: Block): void {
    block.free = true;
    const bucket = bucketOf(block.bytes);
    while (this.#buckets.length <= bucket) this.#buckets.push(new Set());
    this.#buckets[bucket]!.add(block);
  }

  #leave(block: Block): void {
    block.free = false;
    this.#buckets[bucketOf(block.bytes)]!.delete(block);
  }
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / BLOCK_ALIGNMENT) * BLOCK_ALIGNMENT;
}

function bucketOf(bytes: number): number {
  const units = bytes / BLOCK_ALIGNMENT;
  if (units < 4) return units;
  const exponent = 31 - Math.clz32(units);
  return (exponent - 1) * 4 + ((units >>> (exponent - 2)) & 3);
}
