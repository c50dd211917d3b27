// This file is the test and, with an argument, the program of its ranks.
import {
  type Communicator,
  openCommunicator,
  RankError,
} from "@wick/distributed";
import { MPI_LAUNCHERS } from "@wick/testing/mpi";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";

const SELF = new URL(import.meta.url).pathname;

/** What the ranks do, by the name in the argument. */
const PROGRAMS: Record<
  string,
  (communicator: Communicator) => Promise<unknown>
> = {
  async exchanges(communicator) {
    const { rank, size } = communicator;
    const floats = Float32Array.from(
      { length: 1000 },
      (_, i) => i * (rank + 1),
    );
    await communicator.allReduce(floats);
    const doubles = Float64Array.of(rank, -rank);
    await communicator.allReduce(doubles, "max");
    const whole = Int32Array.of(rank + 5);
    await communicator.allReduce(whole, "min");
    const told = Float32Array.from(rank === 1 ? [0.25, 0.5] : [0, 0]);
    await communicator.broadcast(told, 1);
    const bytes = new Uint8Array(rank * 2).fill(rank);
    const gathered = await communicator.gather(bytes, 1);
    const everywhere = await communicator.allGather(Uint8Array.of(rank, 9));
    const begun = communicator.startAllReduce(floats.slice(0, 2));
    await communicator.barrier();
    await begun.wait();
    // The second goes out before the first was waited for.
    const rounds = [0, 1].map((round) => {
      const parts = Array.from({ length: size }, () => new Int32Array(40_000));
      const own = new Int32Array(40_000).fill(10 * round + rank);
      return { parts, exchange: communicator.startAllGather(own, parts) };
    });
    for (const { exchange } of rounds) await exchange.wait();
    return {
      size,
      floats: [floats[1], floats[999]],
      doubles: [...doubles],
      whole: whole[0],
      told: [...told],
      gathered: gathered.map((part) => [...part]),
      everywhere: everywhere.map((part) => [...part]),
      // Its own place is left as it is.
      shared: rounds.map(({ parts }) =>
        parts.map((part, i) => part[39_999]! + (i === rank ? i + 0.5 : 0))
      ),
    };
  },
  async memory(communicator) {
    const { rank, size } = communicator;
    const seen: number[][] = [];
    // The second has the memory of the first again, the third is another one.
    for (const bytes of [40, 40, 1_000_004]) {
      using memory = await communicator.shareMemory(bytes);
      if (!memory) return "none";
      const parts = memory.parts.map((part) => new Int32Array(part));
      parts[rank]!.fill(bytes + rank);
      await communicator.barrier();
      seen.push(parts.map((part) => part.at(-1)! - bytes));
      await communicator.barrier();
    }
    const large = await communicator.shareMemory(2 ** 24);
    return { size, seen, large: large !== undefined };
  },
  async late(communicator) {
    if (communicator.rank === 1) {
      await new Promise((r) => setTimeout(r, 30_000));
    }
    await communicator.allReduce(new Float32Array(1));
  },
  async busy(communicator) {
    // Timers must run while a rank waits for another, which begins with it.
    await communicator.barrier();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    if (communicator.rank === 1) await new Promise((r) => setTimeout(r, 300));
    await communicator.barrier();
    clearInterval(timer);
    return ticks > 10;
  },
  async abort(communicator) {
    if (communicator.rank === 0) await communicator.abort(3);
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  },
};

if (import.meta.main && Deno.args[0] === "rank") {
  using communicator = openCommunicator({ timeout: 1 });
  try {
    const result = await PROGRAMS[Deno.args[1]!]!(communicator);
    say(Deno.stdout, JSON.stringify({ rank: communicator.rank, result }));
  } catch (error) {
    if (!(error instanceof RankError)) throw error;
    say(Deno.stderr, `rank ${communicator.rank}: ${error.message}`);
    await communicator.abort(4);
  }
}

function say(
  stream: { writeSync(bytes: Uint8Array): number },
  line: string,
): void {
  stream.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Runs a program in ranks, and gives what each printed. */
function start(
  launcher: typeof MPI_LAUNCHERS[number],
  program: string,
  n: number,
) {
  return launcher.run(n, ["run", "-A", "--no-prompt", SELF, "rank", program]);
}

function results(out: string): unknown[] {
  return out.split("\n").filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line))
    .sort((one, other) => one.rank - other.rank)
    .map(({ result }) => result);
}

for (const launcher of MPI_LAUNCHERS) {
  const { name, ignore } = launcher;
  Deno.test({
    name: `${name}: three ranks exchange numbers and bytes`,
    ignore,
    async fn() {
      const { code, out, error } = await start(launcher, "exchanges", 3);
      assertEquals([code, error], [0, ""]);
      const same = {
        size: 3,
        floats: [6, 5994],
        doubles: [2, 0],
        whole: 5,
        told: [0.25, 0.5],
        everywhere: [[0, 9], [1, 9], [2, 9]],
      };
      const all = [[], [1, 1], [2, 2, 2, 2]];
      assertEquals(results(out), [
        { ...same, gathered: [], shared: [[0.5, 1, 2], [0.5, 11, 12]] },
        { ...same, gathered: all, shared: [[0, 1.5, 2], [10, 1.5, 12]] },
        { ...same, gathered: [], shared: [[0, 1, 2.5], [10, 11, 2.5]] },
      ]);
    },
  });

  Deno.test({
    name: `${name}: three ranks of a machine see each other's memory`,
    ignore,
    async fn() {
      const { code, out, error } = await start(launcher, "memory", 3);
      assertEquals([code, error], [0, ""]);
      const seen = [[0, 1, 2], [0, 1, 2], [0, 1, 2]];
      assertEquals(
        results(out),
        [0, 1, 2].map(() => ({ size: 3, seen, large: false })),
      );
    },
  });

  Deno.test({
    name: `${name}: the event loop goes on while a rank waits`,
    ignore,
    async fn() {
      const { out } = await start(launcher, "busy", 2);
      assertEquals(results(out)[0], true);
    },
  });

  Deno.test({
    name: `${name}: a rank that does not answer is named, and the job ends`,
    ignore,
    async fn() {
      const began = performance.now();
      const { code, error } = await start(launcher, "late", 3);
      assertEquals(code === 0, false);
      assertStringIncludes(
        error,
        "Cannot go on: rank 1 did not answer in 1 s of all-reduce",
      );
      assertEquals(performance.now() - began < 10_000, true);
    },
  });

  Deno.test({
    name: `${name}: abort ends every rank`,
    ignore,
    async fn() {
      const began = performance.now();
      const { code } = await start(launcher, "abort", 2);
      assertEquals(code === 0, false);
      assertEquals(performance.now() - began < 10_000, true);
    },
  });
}

const [openMpi, mpich] = MPI_LAUNCHERS;

Deno.test({
  name: "the library of another launcher is refused",
  ignore: openMpi!.ignore || mpich!.ignore,
  async fn() {
    const { code, error } = await mpich!.run(2, [
      ...["run", "-A", "--no-prompt", SELF, "rank", "busy"],
    ], { env: { WICK_MPI: "libmpi.so.40" } });
    assertEquals(code === 0, false);
    assertMatch(error, /Cannot connect 2 ranks: Open MPI.* sees 1/);
  },
});

Deno.test({
  name: "without the permission the message says what to allow",
  ignore: openMpi!.ignore,
  async fn() {
    const { code, error } = await openMpi!.run(1, [
      ...["run", "--no-prompt", "--allow-env", "--allow-read"],
      ...[SELF, "rank", "busy"],
    ]);
    assertEquals(code === 0, false);
    assertStringIncludes(error, "allow it with --allow-ffi or --allow-ffi=");
  },
});
