// Several adapters on one base: a batch of which each row has its own, or none,
// through the same kernels; and one after another, without an upload.
//
//   deno run -A examples/05_several_adapters.ts
// deno-lint-ignore-file no-console
import { openDevice } from "@wick/async-exec";
import { AdapterMix, AdapterRegistry, loadAdapter } from "@wick/lora";
import { CausalLanguageModel, generate } from "@wick/models";

// A model of random weights: what it writes means nothing, but it differs.
const golden = `${import.meta.dirname}/../testdata/conformance`;
using device = await openDevice();
using model = await CausalLanguageModel.load(
  device,
  `${golden}/models/tiny-llama`,
);
const folder = (name: string) => `${golden}/adapters/tiny-llama--${name}`;
const load = (name: string) =>
  loadAdapter(model, folder(name), { insert: false });

async function continued(prompts: number[][], adapters?: (string | null)[]) {
  const rows: number[][] = prompts.map(() => []);
  const options = { maxNewTokens: 8, stopTokenIds: [] };
  const given = { ...options, ...(adapters && { adapters }) };
  for await (const { row, id } of generate(model, prompts, given)) {
    rows[row]!.push(id);
  }
  return rows.map((ids) => ids.join(" "));
}

const prompt = [5, 6, 7];
using narrow = await load("qv-r8");
using wide = await load("all-linear-r4");
{
  using _mix = new AdapterMix(model, { narrow, wide });
  const adapters = ["narrow", null, "wide", "narrow"];
  const texts = await continued(adapters.map(() => prompt), adapters);
  texts.forEach((text, row) =>
    console.log(`${String(adapters[row]).padEnd(6)}  ${text}`)
  );
}

// One at a time for all rows: the registry keeps them on the device.
using registry = new AdapterRegistry(model);
await registry.load("narrow", folder("qv-r8"));
await registry.load("wide", folder("all-linear-r4"));
for (const name of ["narrow", "wide"]) {
  registry.activate(name);
  console.log(`${name} active: ${(await continued([prompt]))[0]}`);
}
