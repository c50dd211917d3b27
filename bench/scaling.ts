// What more ranks give: measures the constants of the cost model on this
// machine, prints what it predicts for 2 to 1 024 ranks, and compares it with
// what so many ranks here really take. Start it alone, or under mpirun to add
// the exchange between machines:
//
//   deno run -A bench/scaling.ts [ROWS]
//   mpirun -np 2 deno run -A bench/scaling.ts [ROWS]
import { openDevice } from "@wick/async-exec";
import {
  type Communicator,
  type JobCosts,
  mostUsefulRanks,
  openCommunicator,
  predictStep,
} from "@wick/distributed";
import {
  AdamW,
  CapturedStep,
  exchangeGradients,
  languageModelLoss,
} from "@wick/training";
import { ticketsModel } from "./tickets_model.ts";

const ROWS = Number(Deno.args[0] ?? 16);
const LENGTH = 72;
const STEPS = 12;

using communicator = openCommunicator({ timeout: 120 });
using device = await openDevice({ announce: false });
const { model, adapter } = await ticketsModel(device);
const parameters = [...adapter.parameters.values()];
using optimizer = new AdamW(device, parameters);

/** The median seconds of a step of so many rows, exchanged or not. */
async function stepSeconds(rows: number, exchanged: boolean): Promise<number> {
  const tokens = Int32Array.from(
    { length: rows * LENGTH },
    (_, i) => (i * 37) % 950,
  );
  const batch = {
    ...{ rows, length: LENGTH, ids: tokens, nextIds: tokens },
    ...{ tokens: tokens.length, counted: tokens.length },
    share: 1 / communicator.size,
  };
  using step = new CapturedStep({
    device,
    parameters,
    optimizer,
    maxGradientNorm: 1,
    loss: ({ ids, nextIds }) => ({
      loss: languageModelLoss(model, ids, nextIds),
    }),
    ...(exchanged && {
      exchange: async (gradients, loss) => {
        const numbers = Float64Array.of(loss);
        await exchangeGradients(communicator, device, gradients, numbers);
        return numbers[0]!;
      },
    }),
  });
  return await median(() => step.run([batch], 1e-4));
}

async function median(run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < STEPS; i++) {
    await communicator.barrier();
    const began = performance.now();
    await run();
    times.push((performance.now() - began) / 1000);
  }
  return times.slice(2).sort((a, b) => a - b)[Math.floor((STEPS - 2) / 2)]!;
}

/** Latency and bandwidth of an all-reduce, from a short and a long one. */
async function exchangeCosts(
  { size }: Communicator,
): Promise<Pick<JobCosts, "latency" | "bandwidth">> {
  // One process exchanges nothing: what one host does over TCP stands in.
  if (size === 1) return { latency: 50e-6, bandwidth: 1.25e9 };
  const short = new Float32Array(1);
  const long = new Float32Array(2 ** 20);
  const shortSeconds = await median(() => communicator.allReduce(short));
  const longSeconds = await median(() => communicator.allReduce(long));
  const bytes = 2 * (size - 1) / size * long.byteLength;
  return {
    latency: shortSeconds / (2 * Math.ceil(Math.log2(size))),
    bandwidth: bytes / Math.max(1e-9, longSeconds - shortSeconds),
  };
}

const few = Math.max(1, Math.floor(ROWS / 4));
const secondsFew = await stepSeconds(few, false);
const secondsMany = await stepSeconds(ROWS, false);
const flat = optimizer.shapes.map(([count]) => count!);
const gradients = flat.map((count) => device.zeros([count]));
const transferSeconds = await median(async () => {
  for (const gradient of gradients) {
    device.write(gradient, new Float32Array(await gradient.data()));
  }
  device.fence();
});
const secondsPerRow = (secondsMany - secondsFew) / (ROWS - few);
const costs: JobCosts = {
  fixedSeconds: Math.max(0, secondsMany - ROWS * secondsPerRow),
  secondsPerRow,
  exchangedBytes: flat.reduce((sum, count) => sum + 4 * count, 0),
  transferSeconds,
  ...await exchangeCosts(communicator),
};

const measured = communicator.size === 1
  ? undefined
  : await stepSeconds(Math.ceil(ROWS / communicator.size), true);

if (communicator.rank === 0) {
  const say = (line: string): void => {
    Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  };
  say(`${device.description}; ${communicator.description}`);
  say(JSON.stringify(costs));
  say(`| ranks | rows ${ROWS}: ms a step | speed-up | efficiency |`);
  say("| ----: | ---: | ---: | ---: |");
  for (let ranks = 1; ranks <= 1024; ranks *= 2) {
    const point = predictStep(costs, { ranks, rows: ROWS });
    say(
      `| ${ranks} | ${(1000 * point.stepSeconds).toFixed(2)} | ${
        point.speedup.toFixed(2)
      } | ${point.efficiency.toFixed(2)} |`,
    );
  }
  say(`worth it up to ${mostUsefulRanks(costs, ROWS)} ranks`);
  if (measured !== undefined) {
    const { stepSeconds: predicted } = predictStep(costs, {
      ranks: communicator.size,
      rows: ROWS,
    });
    say(
      `${communicator.size} ranks: predicted ${
        (1000 * predicted).toFixed(2)
      } ms, measured ${(1000 * measured).toFixed(2)} ms`,
    );
  }
}
