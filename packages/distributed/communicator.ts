/** Numbers that ranks can combine. */
export type Numbers =
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>;

/** How numbers of all ranks become one. */
export type Reduction = "sum" | "max" | "min";

/** An exchange that goes on while other work is done. */
export interface Exchange {
  /**
   * Waits until it is done; its array must not be touched before.
   *
   * @throws {RankError} If a rank does not answer in time.
   */
  wait(): Promise<void>;
}

/** Memory of the ranks of one machine that all of them see. */
export interface SharedMemory extends Disposable {
  /** The part of each rank, by rank. */
  readonly parts: readonly ArrayBuffer[];
}

/**
 * The processes of one job, each with a number, its rank. All ranks must call
 * the same methods in the same order with arrays of the same length.
 */
export interface Communicator extends Disposable {
  /** The number of this process, from 0. */
  readonly rank: number;
  /** How many processes there are. */
  readonly size: number;
  /** The name of the machine. */
  readonly host: string;
  /** What carries the numbers, for people: `"Open MPI v4.1.4"`. */
  readonly description: string;
  /**
   * Gives every rank the bytes of one.
   *
   * @param data Where they are or go to.
   * @param root The rank that has them; 0 if absent.
   * @throws {RankError} If a rank does not answer in time.
   */
  broadcast(data: Numbers, root?: number): Promise<void>;
  /**
   * Combines the numbers of all ranks in place; every rank gets the same bits.
   *
   * @param data The numbers of this rank, then those of all.
   * @param reduction How; `"sum"` if absent.
   * @throws {RankError} If a rank does not answer in time.
   */
  allReduce(data: Numbers, reduction?: Reduction): Promise<void>;
  /**
   * Begins what {@linkcode Communicator.allReduce} does.
   *
   * @param data The numbers, not to be touched until the exchange is done.
   * @param reduction How; `"sum"` if absent.
   * @returns The exchange.
   */
  startAllReduce(data: Numbers, reduction?: Reduction): Exchange;
  /**
   * Begins to give every other rank the numbers of this one, and to get theirs.
   * Two ranks of a machine do so in half the time of
   * {@linkcode Communicator.allReduce}, since nothing is added on the way.
   *
   * @param own The numbers of this rank, as many on every rank, not to be
   *   changed until the exchange is done.
   * @param parts Where those of each rank go; the place of this rank is left
   *   as it is.
   * @returns The exchange.
   */
  startAllGather(own: Numbers, parts: readonly Numbers[]): Exchange;
  /**
   * Makes memory that every rank sees, where all ranks are on one machine. What
   * a rank writes is there for the others after a
   * {@linkcode Communicator.barrier}.
   *
   * @param bytes The bytes of the part of each rank, as many on every rank.
   * @returns The memory, with any bytes in it; undefined where the ranks are on
   *   several machines, the machine gives none, or all ranks together would have
   *   more than 32 MiB. All ranks get the same answer.
   * @throws {RankError} If a rank does not answer in time.
   */
  shareMemory(bytes: number): Promise<SharedMemory | undefined>;
  /**
   * Gathers bytes of any length at one rank.
   *
   * @param bytes The bytes of this rank.
   * @param root The rank that gets them; 0 if absent.
   * @returns The bytes of each rank there, nothing elsewhere.
   * @throws {RankError} If a rank does not answer in time.
   */
  gather(
    bytes: Uint8Array<ArrayBuffer>,
    root?: number,
  ): Promise<Uint8Array<ArrayBuffer>[]>;
  /**
   * Gathers bytes of any length at every rank.
   *
   * @param bytes The bytes of this rank.
   * @returns The bytes of each rank.
   * @throws {RankError} If a rank does not answer in time.
   */
  allGather(
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer>[]>;
  /**
   * Waits until every rank has come here.
   *
   * @param timeout Seconds that ranks are waited for, where one of them does
   *   what takes long; as for other exchanges if absent.
   * @throws {RankError} If a rank does not answer in time.
   */
  barrier(timeout?: number): Promise<void>;
  /**
   * Ends every process of the job, this one included, within seconds. What
   * went wrong must have been said before.
   *
   * @param exitCode What they exit with.
   */
  abort(exitCode: number): Promise<never>;
}
