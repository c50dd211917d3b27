import type { TunedWork } from "@wick/async-exec";
import type { DeviceTraits, DType } from "@wick/core-tensor";
import { nextTurn } from "@wick/async-exec";
import { readModelConfig } from "@wick/models";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import type { Io } from "./io.ts";
import { openNamedDevice } from "./open.ts";
import { attentionItems } from "./tuned_attention.ts";
import { bytesOf, type TunedItem } from "./tuned_item.ts";
import {
  modelProducts,
  productItem,
  type ProductOptions,
  usualProducts,
} from "./tuned_products.ts";
import { classItems, normItems } from "./tuned_rows.ts";

/** `wick tune`. */
export const TUNE: Command = {
  name: "tune",
  summary: "measures which variants of the kernels are the fastest here",
  usage: "[options]",
  options: [
    {
      name: "model",
      value: "DIR",
      text: "measure what that model needs; usual sizes if absent",
    },
    {
      name: "tokens",
      value: "N",
      text: "tokens of a batch or a prompt; 512 if absent",
    },
    { name: "rank", value: "N", text: "the rank of adapters; 16 if absent" },
    {
      name: "weights",
      value: "f32|f16|bf16",
      text: "how weights are stored; f32 if absent",
    },
    { name: "forget", text: "forget what was measured on this device" },
  ],
  examples: ["", "--model DIR --tokens 1024 --rank 8", "--forget"],
  run: tune,
};

const WEIGHTS = ["f32", "f16", "bf16"] as const satisfies readonly DType[];
// A rasteriser takes seconds for larger squares.
const LARGEST = { gpu: 4096, software: 512 } as const;

async function tune(args: Arguments, io: Io): Promise<number> {
  args.refuseOperands();
  const folder = args.filled("model");
  const tokens = args.whole("tokens") ?? 512;
  const rank = args.whole("rank") ?? 16;
  const weight = args.choice("weights", WEIGHTS) ?? "f32";
  using device = await openNamedDevice(args, io);
  const { tuning, traits, name } = device.backend;
  if (!tuning || !device.backend.tune) {
    throw new TypeError(
      `Cannot tune the device ${name}: its kernels have no variants; use --device webgpu`,
    );
  }
  const where = tuning.file ??
    "nowhere: WICK_TUNING is off, or the cache folder may not be written";
  if (args.flag("forget")) {
    const count = tuning.entries.size;
    tuning.clear();
    io.out(
      args.flag("json")
        ? `${JSON.stringify({ event: "forgotten", count, file: where })}\n`
        : `forgot ${count} choices, kept in ${where}\n`,
    );
    return 0;
  }
  const options = { tokens, rank, weight };
  const items = folder === undefined
    ? usualItems(traits, options)
    : await modelItems(folder, traits, options);
  const done = new Set<string>();
  for (const item of items) {
    io.signal.throwIfAborted();
    const found = device.backend.tune(item.work);
    // Sizes that are not by fours have one kernel; others are of one kind.
    if (found && !done.has(found.key)) report(item, found, args, io);
    if (found) done.add(found.key);
    await nextTurn();
  }
  if (!args.flag("json") && !args.flag("quiet")) {
    io.error(`wick: ${done.size} choices, kept in ${where}\n`);
  }
  return 0;
}

function report(
  { name, sizes, work, operations }: TunedItem,
  found: TunedWork,
  args: Arguments,
  io: Io,
): void {
  const { key, choice, microseconds, defaultMicroseconds, times } = found;
  if (args.flag("json")) {
    const event = { event: "tuned", name, key, choice, microseconds };
    io.out(`${
      JSON.stringify({
        ...event,
        defaultMicroseconds,
        times: Object.fromEntries(times),
      })
    }\n`);
    return;
  }
  const rate = operations === undefined
    ? `${(bytesOf(work) / microseconds / 1e3).toFixed(1).padStart(8)} GB/s`
    : `${(operations / microseconds / 1e3).toFixed(1).padStart(8)} GFLOP/s`;
  io.out(
    `${name.padEnd(34)} ${sizes.padEnd(20)} ${
      defaultMicroseconds.toFixed(1).padStart(9)
    } to ${microseconds.toFixed(1).padStart(9)} µs ${
      rate.padEnd(16)
    }  ${choice}\n`,
  );
}

/** What any model may need. */
function usualItems(
  traits: DeviceTraits,
  options: ProductOptions,
): TunedItem[] {
  const { tokens } = options;
  const largest = LARGEST[traits.adapterClass];
  const heads = { heads: 16, keyValueHeads: 4, headDim: 64 };
  const lengths = [512, 1024, 2048, 4096].filter((length) => length <= largest);
  return [
    ...usualProducts(largest, options).map(productItem),
    ...lengths.flatMap((length) => normItems(tokens, length)),
    ...classItems(tokens, largest),
    ...attentionItems(tokens, heads, traits),
  ];
}

/** What one model needs. */
async function modelItems(
  folder: string,
  traits: DeviceTraits,
  options: ProductOptions,
): Promise<TunedItem[]> {
  const config = await readModelConfig(folder);
  const { tokens } = options;
  return [
    ...(await modelProducts(folder, options)).map(productItem),
    ...normItems(tokens, config.hiddenSize),
    ...normItems(1, config.hiddenSize),
    ...classItems(tokens, config.vocabularySize),
    ...attentionItems(tokens, config, traits),
  ];
}
