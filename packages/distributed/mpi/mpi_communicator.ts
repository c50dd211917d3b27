import { nextTurn } from "@wick/async-exec";
import type {
  Communicator,
  Exchange,
  Numbers,
  Reduction,
  SharedMemory,
} from "../communicator.ts";
import { RankError } from "../rank_error.ts";
import { type MpiLibrary, readText } from "./library.ts";
import { missingRanks } from "./missing_ranks.ts";
import { SharedWindows } from "./shared_windows.ts";

/** Options of {@linkcode MpiCommunicator}. */
export interface MpiCommunicatorOptions {
  /** Seconds after which a rank that does not answer counts as gone. */
  readonly timeout: number;
  /** Whether ranks of one machine may share memory; they may if absent. */
  readonly sharedMemory?: boolean;
}

// A wait polls without a pause at first: most exchanges take less than this,
// and a timer wakes 1 to 2 ms late. Milliseconds.
const EAGER_POLLING = 5;

// The library moves data only while it is called, where memory is not shared
// some kilobytes at a time: as long as this for each megabyte more. Milliseconds.
const EAGER_POLLING_OF_MEGABYTE = 10;

// Calls between two turns of the event loop, and their milliseconds: a call may
// hand the core over to other programs, for a long time where there are many.
const POLLS_OF_TURN = 64;
const POLLING_OF_TURN = 1;

// The tag of messages that carry numbers.
const NUMBERS_TAG = 1;

/** `MPI_THREAD_FUNNELED`: one thread calls MPI, which is the one of JavaScript. */
const FUNNELED = 1;

/**
 * A communicator on MPI. Every exchange is a non-blocking one that is polled,
 * so that the event loop goes on and a rank that is gone is noticed.
 */
export class MpiCommunicator implements Communicator {
  /** The number of this process, from 0. */
  readonly rank: number;
  /** How many processes there are. */
  readonly size: number;
  /** The name of the machine. */
  readonly host: string;
  /** The name and the version of the library. */
  readonly description: string;
  readonly #library: MpiLibrary;
  readonly #timeout: number;
  readonly #windows: SharedWindows | undefined;
  readonly #pending = new Set<(request: Uint8Array<ArrayBuffer>) => number>();
  #closed = false;

  /**
   * Joins the job: the library may be initialised once in a process.
   *
   * @param library The library.
   * @param options How long ranks are waited for.
   * @throws {RankError} If the library cannot be initialised.
   */
  constructor(library: MpiLibrary, options: MpiCommunicatorOptions) {
    this.#library = library;
    const { timeout, sharedMemory = true } = options;
    this.#timeout = timeout;
    if (sharedMemory) this.#windows = new SharedWindows(library, this);
    this.description = library.description;
    const { functions, constants: { world, errorsReturn } } = library;
    const number = new Int32Array(1);
    const read = (name: string, code: number): number => {
      this.#check(name, code);
      return number[0]!;
    };
    read(
      "MPI_Init_thread",
      functions.MPI_Init_thread(0n, 0n, FUNNELED, number),
    );
    this.#check(
      "MPI_Comm_set_errhandler",
      functions.MPI_Comm_set_errhandler(world, errorsReturn),
    );
    this.rank = read("MPI_Comm_rank", functions.MPI_Comm_rank(world, number));
    this.size = read("MPI_Comm_size", functions.MPI_Comm_size(world, number));
    this.host = readText((text, length) =>
      functions.MPI_Get_processor_name(text, length)
    );
  }

  /** Gives every rank the numbers of one. */
  async broadcast(data: Numbers, root = 0): Promise<void> {
    const { functions, constants } = this.#library;
    await this.#start("broadcast", (request) =>
      functions.MPI_Ibcast(
        bytesOf(data),
        ...[data.length, this.#typeOf(data), root] as const,
        ...[constants.world, request] as const,
      ), { bytes: data.byteLength }).wait();
  }

  /** Combines the numbers of all ranks in place. */
  async allReduce(data: Numbers, reduction: Reduction = "sum"): Promise<void> {
    await this.startAllReduce(data, reduction).wait();
  }

  /** Begins to combine the numbers of all ranks in place. */
  startAllReduce(data: Numbers, reduction: Reduction = "sum"): Exchange {
    const { functions, constants } = this.#library;
    return this.#start("all-reduce", (request) =>
      functions.MPI_Iallreduce(
        constants.inPlace,
        ...[bytesOf(data), data.length, this.#typeOf(data)] as const,
        constants.reductions[reduction],
        ...[constants.world, request] as const,
      ), { bytes: data.byteLength });
  }

  /** Begins to send numbers to every other rank, and to receive theirs. */
  startAllGather(own: Numbers, parts: readonly Numbers[]): Exchange {
    const { functions, constants: { world } } = this.#library;
    const what = "all-gather";
    const others = [...parts.keys()].filter((rank) => rank !== this.rank);
    const call = (
      function_: typeof functions.MPI_Isend,
      data: Numbers,
      rank: number,
    ): Exchange =>
      this.#start(what, (request) =>
        function_(
          ...[bytesOf(data), data.length, this.#typeOf(data)] as const,
          ...[rank, NUMBERS_TAG, world, request] as const,
        ), { bytes: data.byteLength });
    // What is expected is put where it belongs as it comes.
    const begun = [
      ...others.map((rank) => call(functions.MPI_Irecv, parts[rank]!, rank)),
      ...others.map((rank) => call(functions.MPI_Isend, own, rank)),
    ];
    return {
      wait: async () => {
        for (const exchange of begun) await exchange.wait();
      },
    };
  }

  /** Makes memory that the ranks of one machine share. */
  async shareMemory(bytes: number): Promise<SharedMemory | undefined> {
    return await this.#windows?.make(bytes);
  }

  /** Gathers bytes at one rank. */
  async gather(
    bytes: Uint8Array<ArrayBuffer>,
    root = 0,
  ): Promise<Uint8Array<ArrayBuffer>[]> {
    const { functions, constants: { types, world } } = this.#library;
    const { own, all, parts } = await this.#prepareGather(
      bytes,
      this.rank === root,
    );
    const count = own.length;
    await this.#start("gather", (request) =>
      functions.MPI_Igather(
        ...[own, count, types.bytes, all, count, types.bytes] as const,
        ...[root, world, request] as const,
      )).wait();
    return parts();
  }

  /** Gathers bytes at every rank. */
  async allGather(
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer>[]> {
    const { functions, constants: { types, world } } = this.#library;
    const { own, all, parts } = await this.#prepareGather(bytes, true);
    const count = own.length;
    await this.#start("all-gather", (request) =>
      functions.MPI_Iallgather(
        ...[own, count, types.bytes, all, count, types.bytes] as const,
        ...[world, request] as const,
      )).wait();
    return parts();
  }

  /** Waits until every rank has come here. */
  async barrier(timeout?: number): Promise<void> {
    const { functions, constants } = this.#library;
    await this.#start(
      "barrier",
      (request) => functions.MPI_Ibarrier(constants.world, request),
      timeout === undefined ? {} : { timeout },
    ).wait();
  }

  /** Ends every process of the job. */
  async abort(exitCode: number): Promise<never> {
    this.#closed = true;
    const { functions, constants } = this.#library;
    // It returns on no machine that can still reach the others.
    const aborted = functions.MPI_Abort(constants.world, exitCode);
    await Promise.race([aborted, delay(3000)]);
    Deno.exit(exitCode);
  }

  /** Leaves the job; waits for the other ranks to do so. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#windows?.close();
    this.#library.functions.MPI_Finalize();
  }

  /** Fills the bytes of each rank up to those of the longest. */
  async #prepareGather(
    bytes: Uint8Array<ArrayBuffer>,
    receives: boolean,
  ): Promise<{
    own: Uint8Array<ArrayBuffer>;
    all: Uint8Array<ArrayBuffer>;
    parts: () => Uint8Array<ArrayBuffer>[];
  }> {
    const lengths = new Int32Array(this.size);
    lengths[this.rank] = bytes.length;
    await this.allReduce(lengths);
    const longest = Math.max(1, ...lengths);
    const own = new Uint8Array(longest);
    own.set(bytes);
    const all = new Uint8Array(receives ? longest * this.size : 1);
    const parts = () =>
      receives
        ? Array.from(
          lengths,
          (length, rank) => all.slice(rank * longest, rank * longest + length),
        )
        : [];
    return { own: bytesOf(own), all: bytesOf(all), parts };
  }

  #start(
    what: string,
    call: (request: Uint8Array<ArrayBuffer>) => number,
    { timeout = this.#timeout, bytes = 0 }: {
      readonly timeout?: number;
      readonly bytes?: number;
    } = {},
  ): Exchange {
    const request = bytesOf(new BigUint64Array(1));
    // The call holds the arrays, which the library goes on writing.
    this.#pending.add(call);
    this.#check(what, call(request));
    return {
      wait: async () => {
        await this.#finish(what, request, { timeout, bytes });
        this.#pending.delete(call);
      },
    };
  }

  /** Polls a request until it is done. */
  async #finish(
    what: string,
    request: Uint8Array<ArrayBuffer>,
    { timeout, bytes }: { readonly timeout: number; readonly bytes: number },
  ): Promise<void> {
    const { functions, constants } = this.#library;
    const done = new Int32Array(1);
    const eager = EAGER_POLLING + bytes / 2 ** 20 * EAGER_POLLING_OF_MEGABYTE;
    const began = performance.now();
    for (;;) {
      const turn = performance.now();
      for (let poll = 0; poll < POLLS_OF_TURN; poll++) {
        this.#check(
          what,
          functions.MPI_Test(request, done, constants.statusIgnore),
        );
        if (done[0] !== 0) return;
        if (performance.now() - turn > POLLING_OF_TURN) break;
      }
      const waited = performance.now() - began;
      if (waited > timeout * 1000) throw await this.#late(what, timeout);
      await (waited < eager ? nextTurn() : delay(1));
    }
  }

  /** Finds out who is missing; the ranks that wait tell each other. */
  async #late(what: string, timeout: number): Promise<RankError> {
    const missing = await missingRanks(this.#library, this);
    const who = missing.length === 0
      ? "the network is too slow or was cut"
      : `rank${missing.length > 1 ? "s" : ""} ${
        missing.join(", ")
      } did not answer`;
    return new RankError(
      `Cannot go on: ${who} in ${timeout} s of ${what}; see what they printed, or wait longer with --rank-timeout`,
    );
  }

  #typeOf(data: Numbers): bigint {
    const { types } = this.#library.constants;
    if (data instanceof Float32Array) return types.float32;
    return data instanceof Float64Array ? types.float64 : types.int32;
  }

  #check(what: string, code: number): void {
    if (code === 0) return;
    const reason = readText((text, length) =>
      this.#library.functions.MPI_Error_string(code, text, length)
    );
    throw new RankError(
      `Cannot go on: ${what} failed, ${reason || `error ${code}`}`,
    );
  }
}

/**
 * The bytes of an array, which from then on stay where they are: a short array
 * lies in the heap, where it may be moved, until somebody asks for its buffer.
 */
function bytesOf(
  { buffer, byteOffset, byteLength }: ArrayBufferView<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
