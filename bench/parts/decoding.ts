import { type Device, openDevice } from "@wick/async-exec";
import { CausalLanguageModel, generate } from "@wick/models";
import type { Figure, PartOptions } from "../figure.ts";
import { randomModel } from "../random_model.ts";
import { rouse } from "../rouse.ts";
import { TICKETS } from "../tickets_model.ts";

/** How many sequences are continued, one after the other. */
const RUNS = 7;

/**
 * Measures greedy decoding of one sequence: the tickets model, and how the time
 * of a token grows with the tokens before it.
 *
 * @param options The device, and how large.
 * @returns The figures, of one token.
 */
export async function decoding(
  { device: name, large }: PartOptions,
): Promise<Figure[]> {
  using device = await openDevice({ device: name, announce: false });
  const figures: Figure[] = [];
  {
    using model = await CausalLanguageModel.load(device, TICKETS);
    figures.push(
      await timedToken(device, model, 24, 120, {
        ...{ group: "decoding", name: "tickets, one sequence" },
      }),
    );
  }
  const sizes = large
    ? { layers: 8, hidden: 896, intermediate: 4864, vocabulary: 16384 }
    : { layers: 2, hidden: 256, intermediate: 704, vocabulary: 1024 };
  const lengths = large
    ? [128, 512, 1024, 2048, 4096, 8192]
    : [64, 256, 512, 1024];
  using model = await randomModel(device, {
    ...sizes,
    heads: sizes.hidden / 64,
    keyValueHeads: 2,
    positions: lengths.at(-1)! + 64,
  });
  for (const length of lengths) {
    figures.push(
      await timedToken(device, model, length, 32, {
        ...{ group: "growth: tokens before", name: `${length} tokens` },
        x: length,
      }),
    );
  }
  return figures;
}

async function timedToken(
  device: Device,
  model: CausalLanguageModel,
  length: number,
  count: number,
  label: Pick<Figure, "group" | "name" | "x">,
): Promise<Figure> {
  const { vocabularySize } = model.config;
  const prompt = Array.from(
    { length },
    (_, i) => (i * 37) % Math.min(vocabularySize, 950),
  );
  const all: number[] = [];
  for (let time = 0; time <= RUNS; time++) {
    // The first run compiles, and the GPU is idle meanwhile.
    if (time === 1) {
      all.length = 0;
      await rouse(device.name);
    }
    const options = { maxNewTokens: count, stopTokenIds: [] };
    let [first, last] = [0, 0];
    for await (const _ of generate(model, [prompt], options)) {
      last = performance.now();
      // The first token comes with the prompt.
      if (first === 0) first = last;
    }
    // Several tokens may come at once: a run has one mean.
    all.push((last - first) * 1000 / (count - 1));
  }
  all.sort((a, b) => a - b);
  return {
    ...label,
    ...{ source: "wick", tokens: 1, bytes: bytesOf(model, length) },
    median: all[all.length >> 1]!,
    least: all[0]!,
    most: all.at(-1)!,
    times: all.length,
  };
}

/** Every weight and every key and value before is read once. */
function bytesOf(model: CausalLanguageModel, length: number): number {
  let bytes = 0;
  for (const { size, dtype } of model.weights.values()) {
    bytes += size * (dtype === "f32" ? 4 : 2);
  }
  const { layers, keyValueHeads, headDim } = model.config;
  return bytes + 8 * layers * keyValueHeads * headDim * length;
}
