/** A buffer of a kernel. */
export interface KernelBuffer {
  /** Its name in the text. */
  readonly name: string;
  /** The slot that it is. */
  readonly slot: number;
  /** Its type in WGSL, without `array`. */
  readonly type: string;
  /** Whether it is written. */
  readonly written: boolean;
}

/**
 * The buffers that fused code adds to a kernel: one for all reads of a slot as
 * elements of one type.
 */
export class KernelBuffers {
  readonly #first: number;
  readonly #buffers: KernelBuffer[] = [];

  /**
   * Starts with none.
   *
   * @param first The number of the first binding.
   */
  constructor(first: number) {
    this.#first = first;
  }

  /** The buffers, in the order of their bindings. */
  get all(): readonly KernelBuffer[] {
    return this.#buffers;
  }

  /**
   * Gives the buffer through which a slot is read.
   *
   * @param slot The slot.
   * @param type The type of its elements in WGSL.
   * @returns The name of the buffer.
   */
  read(slot: number, type: string): string {
    return this.#find(slot, type, false);
  }

  /**
   * Gives the buffer through which a slot is written.
   *
   * @param slot The slot.
   * @param type The type of its elements in WGSL.
   * @returns The name of the buffer.
   */
  write(slot: number, type: string): string {
    return this.#find(slot, type, true);
  }

  /** The declarations of the buffers. */
  get declarations(): string {
    return this.#buffers.map(({ name, type, written }, k) =>
      `@group(0) @binding(${this.#first + k}) var<storage, ${
        written ? "read_write" : "read"
      }> ${name}: array<${type}>;`
    ).join("\n");
  }

  #find(slot: number, type: string, written: boolean): string {
    const known = this.#buffers.find((buffer) =>
      buffer.slot === slot && buffer.type === type && buffer.written === written
    );
    if (known) return known.name;
    const name = `fused_${this.#buffers.length}`;
    this.#buffers.push({ name, slot, type, written });
    return name;
  }
}
