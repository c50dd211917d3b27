import {
  type CausalLanguageModel,
  FileFormatError,
  joinPath,
  readJsonObject,
} from "@wick/models";
import type { LoadAdapterOptions } from "./adapter_tensors.ts";
import type { LoraAdapter } from "./lora_adapter.ts";
import { loadMlxAdapter } from "./mlx_files.ts";
import { loadPeftAdapter } from "./peft_files.ts";

/** A tool whose adapters are read and written. */
export type AdapterFormat = "peft" | "mlx";

/**
 * Tells which tool an adapter is of, by its `adapter_config.json`.
 *
 * @param folder The folder of the adapter.
 * @returns The tool.
 * @throws {FileFormatError} If the file is missing or of neither.
 */
export async function adapterFormat(folder: string): Promise<AdapterFormat> {
  const path = joinPath(folder, "adapter_config.json");
  const config = await readJsonObject(path);
  if (Object.hasOwn(config, "peft_type")) return "peft";
  if (Object.hasOwn(config, "lora_parameters")) return "mlx";
  throw new FileFormatError(
    path,
    "it has neither peft_type, as PEFT writes it, nor lora_parameters, as mlx-lm does",
  );
}

/**
 * Puts an adapter of PEFT or mlx-lm into a model.
 *
 * ```ts
 * import { CausalLanguageModel } from "@wick/models";
 * import { loadAdapter } from "@wick/lora";
 * import { openDevice } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * const golden = "testdata/conformance";
 * using model = await CausalLanguageModel.load(
 *   device,
 *   `${golden}/models/tiny-llama`,
 * );
 * using adapter = await loadAdapter(
 *   model,
 *   `${golden}/adapters/tiny-llama--qv-r8`,
 * );
 * assertEquals(adapter.config.rank, 8);
 * ```
 *
 * @param model The model it was trained on.
 * @param folder The folder of the adapter.
 * @param options Whether it is trained further.
 * @returns The adapter.
 * @throws {FileFormatError} If a file is missing or wrong, or the adapter is one
 *   for another model; the message names the file.
 */
export async function loadAdapter(
  model: CausalLanguageModel,
  folder: string,
  options: LoadAdapterOptions = {},
): Promise<LoraAdapter> {
  return await adapterFormat(folder) === "mlx"
    ? await loadMlxAdapter(model, folder, options)
    : await loadPeftAdapter(model, folder, options);
}
