/**
 * Measures all that docs/performance.md shows, on one device, and writes it as
 * JSON: kernels beside the device's roofs, LoRA, steps of training, decoding, how
 * costs grow, ways to wait, other JavaScript libraries, and PyTorch in the same
 * run. Each part is a process of its own, so one that fails stops nothing else.
 *
 * @module
 */
import { openDevice } from "@wick/async-exec";
import { parseArgs } from "@std/cli/parse-args";
import { environment } from "./environment.ts";
import type { Figure, PartOptions } from "./figure.ts";
import { makeModel } from "./make_model.ts";
import type { AsyncRow } from "./measure_async.ts";
import type { MeasuredReport } from "./measured_report.ts";
import type { PeersReport } from "./peers/peers_report.ts";
import { lastLine, runProcess } from "./run_process.ts";
import { TICKETS } from "./tickets_model.ts";

const USAGE = `Usage: deno task bench:measure [options]

  --device webgpu|cpu  what computes (webgpu)
  --parts LIST         of kernels, lora, training, decoding, reference, large, waiting, peers (all)
  --json FILE          where the figures go (out/measured.json)
  --python COMMAND     runs PyTorch's side (python3)
  --limit SECONDS      after which no part begins (330)
  --budget MS          of each item of the peers (300)

The part large writes a model of 24 layers to a temporary folder, 2 GB; peers
must have been installed by deno task bench:peers where there is no network.`;

const PARTS = [
  "kernels",
  "lora",
  "training",
  "decoding",
  "reference",
  "large",
  "waiting",
  "peers",
] as const;

type Part = typeof PARTS[number];

const here = import.meta.dirname!;

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

class UsageError extends Error {}

function isPart(name: string): name is Part {
  return PARTS.some((part) => part === name);
}

async function descriptionOf(name: "webgpu" | "cpu"): Promise<string> {
  using device = await openDevice({ device: name, announce: false });
  return device.description;
}

async function run(args: readonly string[]): Promise<void> {
  const given = parseArgs(args, {
    string: ["device", "parts", "json", "python", "limit", "budget"],
    boolean: ["help"],
    default: {
      device: "webgpu",
      parts: PARTS.join(),
      json: "out/measured.json",
      python: "python3",
      limit: "330",
      budget: "300",
    },
    unknown: (argument) => {
      throw new UsageError(`There is no option ${argument}`);
    },
  });
  if (given.help) return print(USAGE);
  if (given.device !== "webgpu" && given.device !== "cpu") {
    throw new UsageError(`There is no device ${given.device}`);
  }
  const device: "webgpu" | "cpu" = given.device;
  const parts = given.parts.split(",");
  const unknown = parts.find((part) => !isPart(part));
  if (unknown !== undefined) {
    throw new UsageError(`There is no part ${unknown}`);
  }

  const about = await environment(
    ["deno task bench:measure", ...args].join(" "),
  );
  const large = device === "webgpu" && !about.software;
  const description = await descriptionOf(device);
  print(`${description}; ${about.processor}, load ${about.load.toFixed(1)}`);
  const figures: Figure[] = [];
  const waiting: AsyncRow[] = [];
  const failures: Record<string, string> = {};
  const seconds: Record<string, number> = {};
  let peers: PeersReport | undefined;
  let reference: string | undefined;
  let folder: string | undefined;
  const began = performance.now();

  const deno = async (part: string, options: PartOptions): Promise<string> => {
    const { stdout } = await runProcess(Deno.execPath(), [
      ...["run", "--no-prompt", "-A", `${here}/run_part.ts`],
      ...[part, JSON.stringify(options)],
    ]);
    return lastLine(stdout);
  };
  const work: Record<Part, () => Promise<void>> = {
    kernels: () => figuresOf("kernels"),
    lora: () => figuresOf("lora"),
    training: () => figuresOf("training"),
    decoding: () => figuresOf("decoding"),
    waiting: async () => {
      waiting.push(...JSON.parse(await deno("waiting", { device, large })));
    },
    large: async () => {
      // A model of this size is for a GPU.
      if (!large) return;
      folder ??= await Deno.makeTempDir();
      await makeModel(folder, 24);
      const options = { device, large, folder };
      figures.push(...JSON.parse(await deno("large", options)));
      await torch(["--only", "large", "--large", folder]);
    },
    reference: () => large ? torch(["--tickets", TICKETS]) : Promise.resolve(),
    peers: async () => {
      const file = await Deno.makeTempFile({ suffix: ".json" });
      const side = device === "webgpu" ? "webgpu" : "cpu";
      await runProcess(Deno.execPath(), [
        ...["run", "--no-prompt", "-A", `${here}/peers/main.ts`],
        ...["--peers", side, "--json", file, "--budget", given.budget],
        "--offline",
      ]);
      peers = JSON.parse(await Deno.readTextFile(file));
      await Deno.remove(file);
    },
  };
  async function figuresOf(part: string): Promise<void> {
    figures.push(...JSON.parse(await deno(part, { device, large })));
  }
  async function torch(options: readonly string[]): Promise<void> {
    const script = `${here}/reference/torch_reference.py`;
    const { stdout } = await runProcess(given.python, [script, ...options]);
    const found = JSON.parse(lastLine(stdout));
    figures.push(...found.figures);
    reference = found.about;
  }

  try {
    for (const part of PARTS.filter((part) => parts.includes(part))) {
      const start = performance.now();
      if (start - began > Number(given.limit) * 1000) {
        failures[part] = `not begun within ${given.limit} s`;
        continue;
      }
      await work[part]().catch((error: unknown) => {
        failures[part] = String(error).slice(0, 600);
      });
      seconds[part] = Math.round((performance.now() - start) / 100) / 10;
      print(`${part}: ${failures[part] ?? `${seconds[part]} s`}`);
      const report: MeasuredReport = {
        environment: about,
        ...{ device, description, figures, waiting, failures, seconds },
        ...(peers && { peers }),
        ...(reference !== undefined && { reference }),
      };
      // After each part: what is there stays if the next ends everything.
      const text = `${JSON.stringify(report, null, 1)}\n`;
      await Deno.mkdir(given.json.replace(/[^/]*$/, "") || ".", {
        recursive: true,
      });
      await Deno.writeTextFile(given.json, text);
    }
  } finally {
    if (folder !== undefined) await Deno.remove(folder, { recursive: true });
  }
  print(`${figures.length} figures in ${given.json}`);
}

try {
  await run(Deno.args.filter((arg) => arg !== "--"));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  Deno.stderr.writeSync(
    new TextEncoder().encode(`${error.message}\n\n${USAGE}\n`),
  );
  Deno.exit(2);
}
