import type { Communicator, SharedMemory } from "../communicator.ts";
import { RankError } from "../rank_error.ts";
import type { MpiLibrary } from "./library.ts";

// Containers often have 64 MB to share, and where there is not enough some libraries
// let the process die: all windows of all ranks take half of that at most.
const MOST_BYTES = 2 ** 25;

/** A window of MPI on memory that ranks share. */
interface Window {
  readonly handle: Uint8Array<ArrayBuffer>;
  readonly parts: readonly ArrayBuffer[];
}

/**
 * Memory that the ranks of one machine share. MPI can only make it and free it
 * together: what is given back is kept for the next who wants as much.
 */
export class SharedWindows {
  readonly #library: MpiLibrary;
  readonly #communicator: Communicator;
  readonly #windows: Window[] = [];
  /** The bytes of all windows of all ranks. */
  #bytes = 0;
  readonly #free = new Map<number, Window[]>();
  /** The ranks of this machine; undefined if there are others. */
  #node: Promise<bigint | undefined> | undefined;

  /**
   * Has no memory at first.
   *
   * @param library The library.
   * @param communicator The ranks, which agree on what they get.
   */
  constructor(library: MpiLibrary, communicator: Communicator) {
    this.#library = library;
    this.#communicator = communicator;
  }

  /**
   * Makes memory: see {@linkcode Communicator.shareMemory}.
   *
   * @param bytes The bytes of each rank.
   * @returns The memory; undefined where ranks share none.
   */
  async make(bytes: number): Promise<SharedMemory | undefined> {
    // The calls of MPI below wait for all ranks: one that is gone is noticed
    // here. What was given back may still be looked at by another rank.
    await this.#communicator.barrier();
    this.#node ??= this.#findNode();
    const node = await this.#node;
    if (node === undefined) return undefined;
    const free = this.#free.get(bytes) ?? [];
    this.#free.set(bytes, free);
    const window = free.pop() ?? await this.#allocate(bytes, node);
    return window && {
      parts: window.parts,
      [Symbol.dispose]: () => void free.push(window),
    };
  }

  /** Frees all of it, on every rank together; nothing may use it from then on. */
  close(): void {
    for (const { handle } of this.#windows.splice(0)) {
      this.#library.functions.MPI_Win_free(handle);
    }
    this.#free.clear();
  }

  async #findNode(): Promise<bigint | undefined> {
    const { functions, constants } = this.#library;
    const node = new BigUint64Array(1);
    const size = new Int32Array(1);
    const found = functions.MPI_Comm_split_type(
          ...[constants.world, constants.sharedType, 0] as const,
          ...[constants.noInfo, bytesOf(node)] as const,
        ) === 0 &&
      functions.MPI_Comm_set_errhandler(node[0]!, constants.errorsReturn) ===
        0 &&
      functions.MPI_Comm_size(node[0]!, size) === 0;
    const all = found && size[0] === this.#communicator.size;
    return await this.#agree(all) ? node[0] : undefined;
  }

  async #allocate(bytes: number, node: bigint): Promise<Window | undefined> {
    const { functions, constants } = this.#library;
    const handle = bytesOf(new BigUint64Array(1));
    const all = bytes * this.#communicator.size;
    if (this.#bytes + all > MOST_BYTES) return undefined;
    const code = functions.MPI_Win_allocate_shared(
      ...[BigInt(bytes), 1, constants.noInfo, node] as const,
      ...[new Uint8Array(8), handle] as const,
    );
    if (!await this.#agree(code === 0)) return undefined;
    const parts = Array.from(
      { length: this.#communicator.size },
      (_, rank) => this.#part(handle, rank, bytes),
    );
    const window = { handle, parts };
    this.#windows.push(window);
    this.#bytes += all;
    return window;
  }

  #part(
    handle: Uint8Array<ArrayBuffer>,
    rank: number,
    bytes: number,
  ): ArrayBuffer {
    const [size, address] = [new BigUint64Array(1), new BigUint64Array(1)];
    const code = this.#library.functions.MPI_Win_shared_query(
      ...[new BigUint64Array(handle.buffer)[0]!, rank] as const,
      ...[bytesOf(size), new Uint8Array(4), bytesOf(address)] as const,
    );
    const start = Deno.UnsafePointer.create(address[0]!);
    if (code !== 0 || !start) {
      throw new RankError(
        `Cannot go on: the memory of rank ${rank} is not to be seen, error ${code}`,
      );
    }
    return Deno.UnsafePointerView.getArrayBuffer(start, bytes);
  }

  /** Whether all ranks say yes. */
  async #agree(yes: boolean): Promise<boolean> {
    const answer = Int32Array.of(yes ? 1 : 0);
    await this.#communicator.allReduce(answer, "min");
    return answer[0] === 1;
  }
}

function bytesOf({ buffer }: BigUint64Array<ArrayBuffer>) {
  return new Uint8Array(buffer);
}
