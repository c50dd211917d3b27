import type { Device } from "@wick/async-exec";
import { loadPeftAdapter } from "@wick/lora";
import { CausalLanguageModel, joinPath } from "@wick/models";
import type { ConformanceCase } from "./case_result.ts";
import type { Difference } from "./difference.ts";
import { GoldenFile } from "./golden_file.ts";
import { logitsOf, tensorDifferences } from "./model_cases.ts";
import { subfolders } from "./subfolders.ts";

/**
 * Lists the adapters, in folders named `MODEL--VARIANT`: logits with the
 * adapter, and after it was merged into the weights.
 *
 * @param folder The golden folder.
 * @param device What computes.
 * @returns The cases, by name.
 */
export async function adapterCases(
  folder: string,
  device: Device,
): Promise<ConformanceCase[]> {
  return (await subfolders(joinPath(folder, "adapters")))
    .map((name): ConformanceCase => ({
      kind: "adapters",
      name,
      run: () => runAdapter(folder, name, device),
    }));
}

async function runAdapter(
  folder: string,
  name: string,
  device: Device,
): Promise<Difference[]> {
  const path = joinPath(folder, `adapters/${name}`);
  const [modelName] = name.split("--");
  const golden = await GoldenFile.read(joinPath(path, "expected.safetensors"));
  using model = await CausalLanguageModel.load(
    device,
    joinPath(folder, `models/${modelName}`),
  );
  using adapter = await loadPeftAdapter(model, path);
  using ids = golden.upload(device, "input_ids");
  const loose = await tensorDifferences("logits", logitsOf(model, ids), golden);
  adapter.merge();
  const merged = await tensorDifferences(
    "merged_logits",
    logitsOf(model, ids),
    golden,
  );
  return [...loose, ...merged];
}
