import { assertEquals } from "@std/assert";
import {
  CausalLanguageModel,
  DecodeBatch,
  generate,
  type GenerateOptions,
} from "@wick/models";
import type { Device } from "@wick/async-exec";
import { TEST_DEVICES } from "@wick/testing";
import { AdapterMix } from "./adapter_mix.ts";
import { loadAdapter } from "./load_adapter.ts";

const GOLDEN = `${import.meta.dirname}/../../testdata/conformance`;
const PROMPTS = [[5, 6, 7], [5, 6, 7], [5, 6, 7], [8], [5, 6, 7]];
const ADAPTERS = ["all", null, "patterns", "all", "all"];

const OPTIONS = { maxNewTokens: 8, stopTokenIds: [], batchSize: 3 };

/** Opens the model with two adapters that are not in it yet. */
async function open(device: Device, opened: DisposableStack) {
  const folder = `${GOLDEN}/models/tiny-llama`;
  const model = opened.use(await CausalLanguageModel.load(device, folder));
  const load = async (variant: string) =>
    opened.use(
      await loadAdapter(model, `${GOLDEN}/adapters/tiny-llama--${variant}`, {
        insert: false,
      }),
    );
  return {
    model,
    all: await load("all-linear-r4"),
    patterns: await load("patterns"),
  };
}

async function collect(
  model: CausalLanguageModel,
  prompts: number[][],
  options: GenerateOptions = {},
): Promise<number[][]> {
  const rows: number[][] = prompts.map(() => []);
  const tokens = generate(model, prompts, { ...OPTIONS, ...options });
  for await (const { row, id } of tokens) rows[row]!.push(id);
  return rows;
}

/** What each prompt gets alone, with its adapter in the model for all rows. */
async function alone(): Promise<number[][]> {
  using opened = new DisposableStack();
  const device = await TEST_DEVICES[0]!.open();
  const { model, all, patterns } = await open(device, opened);
  const want: number[][] = [];
  for (const [row, adapter] of ADAPTERS.entries()) {
    const inserted = { all, patterns, none: undefined }[adapter ?? "none"];
    inserted?.insert();
    want.push(...await collect(model, [PROMPTS[row]!]));
    inserted?.eject();
  }
  return want;
}

const WANT = await alone();

for (const { name, ignore, open: openDevice } of TEST_DEVICES) {
  Deno.test(`generate() gives each row its adapter, on ${name}`, {
    ignore,
  }, async () => {
    using opened = new DisposableStack();
    const { model, all, patterns } = await open(await openDevice(), opened);
    using _mix = new AdapterMix(model, { all, patterns });
    assertEquals(await collect(model, PROMPTS, { adapters: ADAPTERS }), WANT);
    assertEquals(new Set(WANT.map(String)).size, 4);

    // A row that joins alone has its adapter in its prompt, too.
    using batch = new DecodeBatch(model, { rows: 3, capacity: 16 });
    batch.add(PROMPTS[0]!, { ...OPTIONS, adapter: "all" });
    batch.add(PROMPTS[1]!, OPTIONS);
    await batch.step();
    const late = batch.add(PROMPTS[2]!, { ...OPTIONS, adapter: "patterns" });
    const ids: number[] = [];
    while (batch.busy) {
      for (const token of await batch.step()) {
        if (token.row === late) ids.push(token.id);
      }
    }
    assertEquals(ids, WANT[2]);
  });
}
