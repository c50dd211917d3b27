import type { Capture, Device } from "@wick/async-exec";
import {
  add,
  cast,
  concat,
  DTYPES,
  slice,
  type Tensor,
} from "@wick/core-tensor";
import {
  type Communicator,
  type Exchange,
  MOST_GATHERED_RANKS,
  type Numbers,
  type SharedMemory,
} from "@wick/distributed";
import {
  type ExchangeDType,
  readNumbers,
  roomForNumbers,
  wordsOf,
  writeNumbers,
} from "./exchange_numbers.ts";

/** Options of {@linkcode GradientExchange}. */
export interface GradientExchangeOptions {
  /** What gradients are rounded to before they are sent; `"f32"` if absent. */
  readonly dtype?: ExchangeDType;
  /**
   * Bytes that are read, sent and written at once, a multiple of 512; 4 MiB if
   * absent.
   */
  readonly bucketBytes?: number;
}

/** Where the time of exchanges went, in seconds, summed over all of them. */
export interface ExchangeTimes {
  /** Reading gradients from the device, once they are there. */
  readonly read: number;
  /** Waiting for numbers of other ranks. */
  readonly wait: number;
  /** Handing what came to the device. */
  readonly write: number;
}

/** A part of the gradients that travels as one message. */
interface Bucket {
  /** What this rank sends. */
  readonly outgoing: Tensor;
  /** Where that of each other rank is written, by rank, if it is written. */
  readonly incoming: readonly (Tensor | undefined)[];
}

/** A bucket on its way. */
interface Sent {
  readonly exchange: Exchange;
  /** What is written where when it has come. */
  readonly arrivals: readonly {
    readonly tensor: Tensor;
    readonly numbers: Numbers;
  }[];
}

// Small enough that the memory of one is used again for the next, which takes no
// faults of pages: llvmpipe gives 35 MB in 22 ms by 4 MiB, in 60 to 140 at once.
const BUCKET_BYTES = 2 ** 22;

// Those of other ranks take memory of the device: not more than this.
const MOST_GATHERED_BYTES = 2 ** 28;

// Buckets on their way: one is received while the next is read.
const IN_FLIGHT = 2;

// Shared memory has room for two buckets of each rank, in turn, so that one may go
// on to its next bucket while another one still takes this.
const TURNS = 2;

/**
 * Sums gradients over ranks, in buckets: while one is on its way the next is
 * read from the device. Two ranks, and any number that sends halves, get each
 * other's gradients and add them on the device in the order of the ranks, in
 * `f32`; more ranks, or more than 256 MiB of gradients, have MPI add them.
 * Either gives every rank the same bits. Ranks of one machine that get each
 * other's gradients read them into memory that all of them see: nothing is sent.
 */
export class GradientExchange {
  /** Where the gradients of this rank are to be summed; zero at first. */
  readonly sums: readonly Tensor[];
  readonly #communicator: Communicator;
  readonly #device: Device;
  readonly #dtype: ExchangeDType;
  /** The elements of a bucket, at most. */
  readonly #capacity: number;
  readonly #gathers: boolean;
  readonly #buckets: Bucket[] = [];
  /** Memory of the ranks of one machine; unknown before the first exchange. */
  #memory: Promise<SharedMemory | undefined> | undefined;
  #turn = 0;
  /** Where numbers leave and arrive, for each bucket on its way by rank. */
  #rooms: readonly (readonly Numbers[])[] | undefined;
  readonly #totals: readonly (() => Tensor)[];
  /** Rounds the sums to halves. */
  readonly #round: Capture | undefined;
  readonly #held: Tensor[] = [];
  readonly #times = { read: 0, wait: 0, write: 0 };

  /**
   * Makes room for gradients.
   *
   * @param communicator The ranks.
   * @param device The device of the gradients.
   * @param shapes Their shapes, `[count]` each: see `AdamW.shapes`.
   * @param options What is sent.
   */
  constructor(
    communicator: Communicator,
    device: Device,
    shapes: readonly (readonly number[])[],
    options: GradientExchangeOptions = {},
  ) {
    const { dtype = "f32", bucketBytes = BUCKET_BYTES } = options;
    const { rank: own, size } = communicator;
    const ranks = Array.from({ length: size }, (_, rank) => rank);
    this.#communicator = communicator;
    this.#device = device;
    this.#dtype = dtype;
    this.#gathers = dtype !== "f32" || size <= MOST_GATHERED_RANKS &&
        (size - 1) * bytesOf(shapes) <= MOST_GATHERED_BYTES;
    const capacity = bucketBytes / (dtype === "f32" ? 4 : 2);
    this.#capacity = capacity;
    const rounded: Tensor[] = [];
    const groups = shapes.map(([count]) => {
      const sizes = bucketSizes(count!, capacity);
      const sum = this.#zeros(sizes, "f32");
      const outgoing = dtype === "f32"
        ? sum.parts
        : sizes.map((size, place) =>
          cast(
            slice(sum.flat, [place * capacity], [place * capacity + size]),
            dtype,
          )
        );
      if (dtype !== "f32") rounded.push(...outgoing);
      const others = ranks.map((rank) =>
        this.#gathers && rank !== own ? this.#zeros(sizes, dtype) : undefined
      );
      outgoing.forEach((tensor, place) =>
        this.#buckets.push({
          outgoing: tensor,
          incoming: others.map((other) => other?.parts[place]),
        })
      );
      const summands = (): Tensor[] =>
        others.map((other) =>
          other
            ? slice(other.flat, [0], [count!])
            : dtype === "f32"
            ? sum.flat
            : concat(outgoing, 0)
        );
      const total = (): Tensor =>
        this.#gathers
          ? summands().map((part) => cast(part, "f32")).reduce((a, b) =>
            add(a, b)
          )
          : sum.flat;
      return { sum: sum.flat, total };
    });
    this.sums = groups.map(({ sum }) => sum);
    this.#totals = groups.map(({ total }) => total);
    this.#round = rounded.length > 0 ? device.capture(rounded) : undefined;
    this.#held.push(...rounded);
  }

  /** The bytes that this rank gives every other one. */
  get bytes(): number {
    return this.#buckets.reduce(
      (total, { outgoing: { size, dtype } }) =>
        total + size * DTYPES[dtype].bytes,
      0,
    );
  }

  /** Where the time went so far. */
  get times(): ExchangeTimes {
    return { ...this.#times };
  }

  /**
   * Records the sums over all ranks, for what is evaluated after
   * {@linkcode GradientExchange.run}.
   *
   * @returns A vector for each one of `sums`.
   */
  totals(): Tensor[] {
    return this.#totals.map((total) => total());
  }

  /**
   * Exchanges what is in `sums`.
   *
   * @throws {RankError} If a rank does not answer in time.
   */
  async run(): Promise<void> {
    this.#round?.run();
    this.#memory ??= this.#gathers
      ? this.#communicator.shareMemory(TURNS * this.#roomBytes)
      : Promise.resolve(undefined);
    const memory = await this.#memory;
    if (memory) await this.#share(memory);
    else await this.#sendAll();
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    this.#round?.[Symbol.dispose]();
    for (const tensor of this.#held) tensor.dispose();
    this.#memory?.then((memory) => memory?.[Symbol.dispose]());
  }

  /** The bytes of a bucket, at most. */
  get #roomBytes(): number {
    return 4 * wordsOf(this.#dtype, this.#capacity);
  }

  /** Reads each bucket to where the other ranks see it, then takes theirs. */
  async #share({ parts }: SharedMemory): Promise<void> {
    const { rank: own } = this.#communicator;
    for (const { outgoing, incoming } of this.#buckets) {
      const start = this.#turn * this.#roomBytes;
      this.#turn = (this.#turn + 1) % TURNS;
      const numbers = parts.map((part) =>
        roomForNumbers(this.#dtype, outgoing.size, part, start)
      );
      await this.#timed(
        "read",
        () => readNumbers(this.#device, outgoing, numbers[own]!),
      );
      await this.#timed("wait", () => this.#communicator.barrier());
      await this.#timed("write", () => {
        incoming.forEach((tensor, rank) => {
          if (tensor) writeNumbers(this.#device, tensor, numbers[rank]!);
        });
      });
    }
  }

  async #sendAll(): Promise<void> {
    this.#rooms ??= Array.from({ length: IN_FLIGHT }, () => this.#makeRooms());
    const sent: Sent[] = [];
    for (const [place, bucket] of this.#buckets.entries()) {
      const rooms = this.#rooms[place % IN_FLIGHT]!.map((room) =>
        room.subarray(0, wordsOf(this.#dtype, bucket.outgoing.size))
      );
      const own = rooms[this.#communicator.rank]!;
      await this.#timed(
        "read",
        () => readNumbers(this.#device, bucket.outgoing, own),
      );
      sent.push(this.#send(bucket, own, rooms));
      if (sent.length === IN_FLIGHT) await this.#receive(sent.shift()!);
    }
    for (const last of sent) await this.#receive(last);
  }

  /** Room for a bucket of this rank, and of each other one that arrives. */
  #makeRooms(): Numbers[] {
    const { rank: own, size } = this.#communicator;
    return Array.from({ length: size }, (_, rank) =>
      roomForNumbers(
        this.#dtype,
        rank === own || this.#gathers ? this.#capacity : 0,
      ));
  }

  #send(
    { outgoing, incoming }: Bucket,
    own: Numbers,
    parts: readonly Numbers[],
  ): Sent {
    if (!this.#gathers) {
      return {
        exchange: this.#communicator.startAllReduce(own),
        arrivals: [{ tensor: outgoing, numbers: own }],
      };
    }
    return {
      exchange: this.#communicator.startAllGather(own, parts),
      arrivals: incoming.flatMap((tensor, rank) =>
        tensor ? [{ tensor, numbers: parts[rank]! }] : []
      ),
    };
  }

  async #receive({ exchange, arrivals }: Sent): Promise<void> {
    await this.#timed("wait", () => exchange.wait());
    await this.#timed("write", () => {
      for (const { tensor, numbers } of arrivals) {
        writeNumbers(this.#device, tensor, numbers);
      }
    });
  }

  async #timed<Result>(
    part: keyof ExchangeTimes,
    action: () => Result | Promise<Result>,
  ): Promise<Result> {
    const began = performance.now();
    const result = await action();
    this.#times[part] += (performance.now() - began) / 1000;
    return result;
  }

  /** Zeros in parts, and all of them as one vector that shares their elements. */
  #zeros(
    sizes: readonly number[],
    dtype: ExchangeDType,
  ): { readonly parts: readonly Tensor[]; readonly flat: Tensor } {
    const parts = sizes.map((size) => this.#device.zeros([size], { dtype }));
    const { flat } = this.#device.gather(parts);
    this.#held.push(...parts, flat);
    return { parts, flat };
  }
}

function bytesOf(shapes: readonly (readonly number[])[]): number {
  return shapes.reduce((total, [count]) => total + 4 * count!, 0);
}

function bucketSizes(count: number, capacity: number): number[] {
  return Array.from(
    { length: Math.ceil(count / capacity) },
    (_, place) => Math.min(capacity, count - place * capacity),
  );
}
