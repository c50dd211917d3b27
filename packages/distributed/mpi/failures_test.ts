import { RankError } from "@wick/distributed";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { MpiFunctions, MpiLibrary } from "./library.ts";
import { loadMpiLibrary } from "./load_library.ts";
import { MpiCommunicator } from "./mpi_communicator.ts";
import { MPICH_CONSTANTS } from "./mpich_constants.ts";

/** A library whose exchanges never end, as seen by rank 0 of four. */
function stuckLibrary(
  { waiting = [], message = "", ...functions }:
    & {
      /** The ranks that say that they wait, too. */
      readonly waiting?: readonly number[];
      /** What the library says about errors. */
      readonly message?: string;
    }
    & Partial<MpiFunctions>,
): MpiLibrary {
  const done = () => 0;
  return {
    description: "a test",
    constants: MPICH_CONSTANTS,
    functions: {
      MPI_Init_thread: done,
      MPI_Get_library_version: done,
      MPI_Get_processor_name: done,
      MPI_Error_string: (_code, text, length) => {
        const bytes = new TextEncoder().encode(message);
        bytesOf(text).set(bytes);
        return write(length, bytes.length);
      },
      MPI_Comm_rank: (_world, rank) => write(rank, 0),
      MPI_Comm_size: (_world, size) => write(size, 4),
      MPI_Comm_set_errhandler: done,
      MPI_Comm_split_type: done,
      MPI_Win_allocate_shared: done,
      MPI_Win_shared_query: done,
      MPI_Win_free: done,
      MPI_Ibcast: done,
      MPI_Iallreduce: done,
      MPI_Igather: done,
      MPI_Iallgather: done,
      MPI_Ibarrier: done,
      MPI_Isend: done,
      MPI_Irecv: done,
      MPI_Iprobe: (rank, _tag, _world, found) =>
        write(found, waiting.includes(rank) ? 1 : 0),
      MPI_Test: (_request, finished) => write(finished, 0),
      MPI_Finalize: done,
      MPI_Abort: () => Promise.resolve(0),
      ...functions,
    },
  };
}

type Argument = AllowSharedBufferSource | null;

function bytesOf(argument: Argument): Uint8Array {
  if (argument instanceof Uint8Array) return argument;
  if (!(argument instanceof Int32Array)) throw new TypeError("Not numbers");
  return new Uint8Array(argument.buffer, argument.byteOffset, 4);
}

function write(argument: Argument, value: number): number {
  bytesOf(argument).set(new Uint8Array(Int32Array.of(value).buffer));
  return 0;
}

Deno.test("every rank that does not say that it waits is named", async () => {
  const told: [rank: number, tag: number][] = [];
  const asked = new Set<number>();
  const library = stuckLibrary({
    MPI_Isend: (_data, _count, _type, rank, tag) => {
      told.push([rank, tag]);
      return 0;
    },
    MPI_Iprobe: (rank, tag, _world, found) => {
      asked.add(tag);
      return write(found, rank === 3 ? 1 : 0);
    },
  });
  using communicator = new MpiCommunicator(library, { timeout: 0.05 });
  await assertRejects(
    () => communicator.barrier(),
    RankError,
    "Cannot go on: ranks 1, 2 did not answer in 0.05 s of barrier",
  );
  // This rank says so itself, to all, by the message that it looks for.
  const [tag] = asked;
  assertEquals(asked.size, 1);
  assertEquals(told, [[1, tag!], [2, tag!], [3, tag!]]);
});

Deno.test("where all ranks wait, the network is to blame", async () => {
  const library = stuckLibrary({ waiting: [1, 2, 3] });
  using communicator = new MpiCommunicator(library, { timeout: 60 });
  await assertRejects(
    () => communicator.barrier(0.02),
    RankError,
    "the network is too slow or was cut in 0.02 s of barrier",
  );
});

Deno.test("an error of the library is told in its words", async () => {
  for (
    const [message, reason] of [
      ["MPI_ERR_TRUNCATE: message truncated\nstack", "MPI_ERR_TRUNCATE: mes"],
      ["", "error 15"],
    ] as const
  ) {
    const library = stuckLibrary({ message, MPI_Iallreduce: () => 15 });
    using communicator = new MpiCommunicator(library, { timeout: 1 });
    const error = await assertRejects(
      () => communicator.allReduce(Float32Array.of(1)),
      RankError,
      `Cannot go on: all-reduce failed, ${reason}`,
    );
    assertEquals(error.message.includes("stack"), false);
  }
});

Deno.test("ranks that do not all share memory get none", async () => {
  const asked: bigint[] = [];
  const ranks = (node: number, split: number, window: number) =>
    stuckLibrary({
      MPI_Test: (_request, finished) => write(finished, 1),
      MPI_Comm_split_type: (_world, _type, _key, _info, communicator) => {
        write(communicator, 7);
        return split;
      },
      MPI_Comm_size: (communicator, size) =>
        write(size, communicator === 7n ? node : 4),
      MPI_Win_allocate_shared: (_size, _unit, _info, communicator) => {
        asked.push(communicator);
        return window;
      },
    });
  // Others are elsewhere, the call failed, the machine has no memory left.
  for (const library of [ranks(2, 0, 0), ranks(4, 1, 0), ranks(4, 0, 39)]) {
    using communicator = new MpiCommunicator(library, { timeout: 1 });
    assertEquals(await communicator.shareMemory(8), undefined);
  }
  assertEquals(asked, [7n]);
});

Deno.test("a job that cannot be joined is refused", () => {
  const library = stuckLibrary({ MPI_Init_thread: () => 1 });
  assertThrows(
    () => new MpiCommunicator(library, { timeout: 1 }),
    RankError,
    "Cannot go on: MPI_Init_thread failed, error 1",
  );
});

Deno.test("what is no library of MPI is refused, by its name", () => {
  for (const path of ["/nowhere/libmpi.so", Deno.execPath()]) {
    assertThrows(
      () => loadMpiLibrary("openmpi", path),
      RankError,
      `Cannot connect the ranks: none of ${path} could be loaded, install`,
    );
  }
});
