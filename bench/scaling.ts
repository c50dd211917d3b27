// What more ranks give. Measures the parts of a step on this machine: on one
// rank, what the exchange of gradients takes and where, then all ranks at as
// many rows each, and at the same rows together. Prints the constants of the
// cost model, what it predicts for 2 to 1 024 ranks, and what so many ranks here
// really take. Start it alone, or under mpirun:
//
//   deno run -A bench/scaling.ts
//   mpirun -np 2 deno run -A bench/scaling.ts --rows 16
//   mpirun -np 2 deno run -A bench/scaling.ts --model DIR --length 512 --rows 1 --gpu-per-rank
//
// --rows are those of one rank, --batch those of all ranks in the table, --steps
// how many are timed. Where other programs run, too, --least takes the fastest
// step rather than the median; --threads 1 keeps a rank on the CPU device to a
// core. --megabytes N times the exchange of so many, and nothing else.
import { openDevice } from "@wick/async-exec";
import {
  findLauncher,
  type JobCosts,
  mostUsefulRanks,
  openCommunicator,
  predictStep,
  runOnOwnGpu,
} from "@wick/distributed";
import { LoraAdapter, loraConfig } from "@wick/lora";
import { CausalLanguageModel } from "@wick/models";
import {
  AdamW,
  CapturedStep,
  EXCHANGE_DTYPES,
  type ExchangeDType,
  GradientExchange,
  languageModelLoss,
} from "@wick/training";
import { parseArgs } from "@std/cli/parse-args";
import { rouse } from "./rouse.ts";
import { TICKETS } from "./tickets_model.ts";

const args = parseArgs(Deno.args, {
  string: ["model", "length", "rows", "batch", "steps", "threads", "megabytes"],
  boolean: ["gpu-per-rank", "least"],
  default: { model: TICKETS, length: "72", rows: "16", steps: "15" },
});
const [length, rows, steps] = [args.length, args.rows, args.steps].map(Number);
const batchRows = Number(args.batch ?? rows);
if (args["gpu-per-rank"]) {
  const launcher = findLauncher((name) => Deno.env.get(name));
  const code = await runOnOwnGpu(launcher?.localRank ?? 0);
  if (code !== undefined) Deno.exit(code);
}

const WARM_UP = 3;
const MIB = 2 ** 20;

using communicator = openCommunicator({ timeout: 120 });
const { rank, size } = communicator;
using device = await openDevice({
  announce: false,
  ...(args.threads && { threads: Number(args.threads) }),
});
using model = await CausalLanguageModel.load(device, args.model);
const adapter = LoraAdapter.inject(model, loraConfig({ rank: 16, alpha: 32 }));
const parameters = [...adapter.parameters.values()];
using optimizer = new AdamW(device, parameters);

const encoder = new TextEncoder();
const say = (line: string): void => {
  if (rank === 0) Deno.stdout.writeSync(encoder.encode(`${line}\n`));
};
const ms = (seconds: number): string => (1000 * seconds).toFixed(2);

/** Medians, or least, of the numbers that a run gives, but for the first runs. */
async function medians<Name extends string>(
  run: () => Promise<Record<Name, number>>,
  begin: () => Promise<void> = () => communicator.barrier(3600),
): Promise<Record<Name, number>> {
  const found: Record<Name, number>[] = [];
  for (let i = 0; i < WARM_UP + steps!; i++) {
    // The GPU was idle while the first runs were compiled.
    if (i === WARM_UP) await rouse(device.name);
    await begin();
    const result = await run();
    if (i >= WARM_UP) found.push(result);
  }
  const names = Object.keys(found[0]!) as Name[];
  const middle = (values: number[]): number =>
    values.sort((a, b) => a - b)[args.least ? 0 : values.length >> 1]!;
  return Object.fromEntries(
    names.map((name) => [name, middle(found.map((result) => result[name]))]),
  ) as Record<Name, number>;
}

async function seconds(run: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await run();
  return (performance.now() - began) / 1000;
}

/** The parts of a step of so many rows of this rank, exchanged or not. */
async function step(
  rows: number,
  dtype?: ExchangeDType,
  begin?: () => Promise<void>,
): Promise<Record<"all" | "read" | "wait" | "write", number>> {
  const ids = Int32Array.from(
    { length: rows * length! },
    (_, i) => (i * 7919) % model.config.vocabularySize,
  );
  const batch = {
    ...{ rows, length: length!, ids, nextIds: ids },
    ...{ tokens: ids.length, counted: ids.length },
    share: dtype ? 1 / size : 1,
  };
  using exchange = dtype
    ? new GradientExchange(communicator, device, optimizer.shapes, { dtype })
    : undefined;
  using captured = new CapturedStep({
    ...{ device, parameters, optimizer, maxGradientNorm: 1 },
    loss: ({ ids, nextIds }) => ({
      loss: languageModelLoss(model, ids, nextIds, { parameters }),
    }),
    ...(exchange && { exchange }),
  });
  return await medians(async () => {
    const before = exchange?.times;
    const all = await seconds(async () => {
      const { loss } = await captured.run([batch], 1e-4);
      if (exchange) await communicator.allReduce(Float64Array.of(loss));
    });
    const after = exchange?.times;
    const part = (name: "read" | "wait" | "write"): number =>
      after && before ? after[name] - before[name] : 0;
    return {
      all,
      read: part("read"),
      wait: part("wait"),
      write: part("write"),
    };
  }, begin);
}

/** What only rank 0 does, while the others wait. */
async function alone<Result>(
  run: (begin: () => Promise<void>) => Promise<Result>,
): Promise<Result | undefined> {
  const result = rank === 0 ? await run(() => Promise.resolve()) : undefined;
  await communicator.barrier(3600);
  return result;
}

/** Latency and bandwidth between two ranks, both ways at once. */
async function exchangeCosts(): Promise<
  Pick<JobCosts, "latency" | "bandwidth" | "sharesMemory">
> {
  // One process exchanges nothing: what one host does over TCP stands in.
  if (size === 1) return { latency: 50e-6, bandwidth: 1.25e9 };
  const take = async (count: number): Promise<number> => {
    const own = new Float32Array(count);
    const parts = Array.from({ length: size }, () => new Float32Array(count));
    const { all } = await medians(async () => ({
      all: await seconds(() => communicator.startAllGather(own, parts).wait()),
    }));
    return all;
  };
  const [short, long] = [await take(1), await take(MIB)];
  using memory = await communicator.shareMemory(4);
  return {
    sharesMemory: memory !== undefined,
    latency: short,
    bandwidth: (size - 1) * 4 * MIB / Math.max(1e-9, long - short),
  };
}

/** The exchange of gradients that are there already, by what it takes. */
async function exchangeTable(
  shapes: readonly (readonly number[])[],
): Promise<Pick<JobCosts, "readSeconds" | "writeSeconds">> {
  const counts = shapes.map(([count]) => count!);
  const sum = counts.reduce((sum, count) => sum + 4 * count, 0);
  say("");
  say(
    `| exchange of ${(sum / 1e6).toFixed(1)} MB | ms | read | wait | write |`,
  );
  say("| --- | ---: | ---: | ---: | ---: |");
  const whole = await medians(async () => ({ all: await oneByOne(counts) }));
  say(`| one read, one all-reduce, one write | ${ms(whole.all)} | | | |`);
  let costs = { readSeconds: 0, writeSeconds: 0 };
  for (const dtype of EXCHANGE_DTYPES) {
    for (const mebibytes of [1, 2, 4, 8, 16]) {
      const bucketBytes = mebibytes * MIB;
      using exchange = new GradientExchange(communicator, device, shapes, {
        ...{ dtype, bucketBytes },
      });
      const { all, read, wait, write } = await medians(async () => {
        device.fence();
        const before = exchange.times;
        const all = await seconds(async () => {
          await exchange.run();
          device.fence();
        });
        const { read, wait, write } = exchange.times;
        return {
          all,
          read: read - before.read,
          wait: wait - before.wait,
          write: write - before.write,
        };
      });
      say(
        `| ${dtype}, buckets of ${mebibytes} MiB | ${ms(all)} | ${ms(read)} | ${
          ms(wait)
        } | ${ms(write)} |`,
      );
      if (dtype === "f32" && mebibytes === 4) {
        // What is left is the device's own time to take what was written.
        const others = Math.max(1, size - 1);
        const writeSeconds = Math.max(write, all - read - wait) / others;
        costs = { readSeconds: read, writeSeconds };
      }
    }
  }
  return costs;
}

/** How it was done before, to compare with. */
async function oneByOne(counts: readonly number[]): Promise<number> {
  const gradients = counts.map((count) => device.zeros([count]));
  device.fence();
  const taken = await seconds(async () => {
    for (const gradient of gradients) {
      const values = new Float32Array(await gradient.data());
      await communicator.allReduce(values);
      device.write(gradient, values);
    }
    device.fence();
  });
  for (const gradient of gradients) gradient.dispose();
  return taken;
}

say(`${device.description}; ${size} ranks, ${communicator.description}`);
say(`load ${Deno.loadavg().map((load) => load.toFixed(1)).join(" ")}`);

if (args.megabytes) {
  const count = 128 * Math.round(Number(args.megabytes) * 1e6 / 512);
  await exchangeTable([[count]]);
  communicator[Symbol.dispose]();
  Deno.exit(0);
}

const one = await alone((begin) => step(rows!, undefined, begin));
const few = Math.max(1, Math.floor(rows! / 4));
const many = few === rows ? 2 * rows : rows!;
const two = await alone(async (begin) => ({
  few: await step(few, undefined, begin),
  many: many === rows ? one! : await step(many, undefined, begin),
}));
const throughput = (each: number, ranks: number): number =>
  ranks * rows! * length! / each;
say("");
say(`| ${rows} rows a rank | step, ms | exchange: read | wait | write | MB |`);
say("| --- | ---: | ---: | ---: | ---: | ---: |");
if (one) say(`| one rank | ${ms(one.all)} | | | | |`);
const flat = optimizer.shapes.map(([count]) => count!);
const bytes = flat.reduce((sum, count) => sum + 4 * count, 0);
const gained: string[] = [];
let weak: number | undefined;
for (const dtype of size > 1 ? EXCHANGE_DTYPES : []) {
  const { all, read, wait, write } = await step(rows!, dtype);
  if (dtype === "f32") weak = all;
  const sent = bytes / (dtype === "f32" ? 1 : 2) / 1e6;
  say(
    `| ${size} ranks, ${dtype} | ${ms(all)} | ${ms(read)} | ${ms(wait)} | ${
      ms(write)
    } | ${sent.toFixed(1)} |`,
  );
  if (one) {
    const times = throughput(all, size) / throughput(one.all, 1);
    gained.push(
      `${size} ranks, ${dtype}: ${throughput(all, size).toFixed(0)} tokens/s, ${
        times.toFixed(2)
      }x of one`,
    );
  }
}
if (one) say(`\n${throughput(one.all, 1).toFixed(0)} tokens/s on one rank`);
for (const line of gained) say(line);

const transfer = await exchangeTable(optimizer.shapes);
const links = await exchangeCosts();
const together = size > 1
  ? await step(Math.ceil(rows! / size), "f32")
  : undefined;
if (two) {
  const secondsPerRow = (two.many.all - two.few.all) / (many - few);
  const costs: JobCosts = {
    fixedSeconds: Math.max(0, two.many.all - many * secondsPerRow),
    secondsPerRow,
    exchangedBytes: bytes,
    ...transfer,
    ...links,
  };
  say("");
  say(JSON.stringify(costs));
  say(
    `| ranks | ${batchRows} rows in all: ms | speed-up | efficiency | ${rows} rows each: ms | efficiency |`,
  );
  say("| ----: | ---: | ---: | ---: | ---: | ---: |");
  for (let ranks = 1; ranks <= 1024; ranks *= 2) {
    const all = predictStep(costs, { ranks, rows: batchRows });
    const each = predictStep(costs, { ranks, rows: ranks * rows! });
    say(
      `| ${ranks} | ${ms(all.stepSeconds)} | ${all.speedup.toFixed(2)} | ${
        all.efficiency.toFixed(2)
      } | ${ms(each.stepSeconds)} | ${each.efficiency.toFixed(2)} |`,
    );
  }
  say(
    `${batchRows} rows in all are worth up to ${
      mostUsefulRanks(costs, batchRows)
    } ranks`,
  );
  if (together && weak) {
    const compare = (rows: number, what: string, measured: number): void => {
      const { stepSeconds } = predictStep(costs, { ranks: size, rows });
      say(
        `${size} ranks, ${what}: predicted ${ms(stepSeconds)} ms, measured ${
          ms(measured)
        } ms`,
      );
    };
    compare(rows!, `${rows} rows in all`, together.all);
    compare(size * rows!, `${rows} rows each`, weak);
  }
}
