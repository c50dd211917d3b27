import {
  type CausalLanguageModel,
  joinPath,
  type JsonObject,
  writeFolderAtomically,
  writeSafetensors,
  writeTextAtomically,
} from "@wick/models";
import { PEFT_LAYOUT } from "./adapter_layout.ts";
import {
  adapterTensors,
  injectTensors,
  type LoadAdapterOptions,
} from "./adapter_tensors.ts";
import type { LoraAdapter } from "./lora_adapter.ts";
import { plainConfig } from "./plain_config.ts";
import { peftConfigJson, readPeftConfig } from "./peft_config.ts";

/**
 * Puts a PEFT adapter into a model.
 *
 * @param model The model it was trained on.
 * @param folder The folder with `adapter_config.json` and
 *   `adapter_model.safetensors`.
 * @param options Whether it is trained further.
 * @returns The adapter.
 * @throws {FileFormatError} If a file is missing or wrong, or the adapter is one
 *   for another model; the message names the file.
 */
export async function loadPeftAdapter(
  model: CausalLanguageModel,
  folder: string,
  options: LoadAdapterOptions = {},
): Promise<LoraAdapter> {
  const { config } = await readPeftConfig(folder);
  return await injectTensors(model, folder, PEFT_LAYOUT, () => config, options);
}

/** Options of {@linkcode savePeftAdapter}. */
export interface SaveAdapterOptions {
  /** The base model, as PEFT notes it. */
  readonly baseModel?: string;
  /** What an earlier `adapter_config.json` said; unknown keys are kept. */
  readonly raw?: JsonObject;
}

/**
 * Writes an adapter as PEFT does; one that began with PiSSA as the plain LoRA
 * of twice the rank that it is equal to. The folder appears whole or not at all.
 *
 * @param adapter The adapter.
 * @param folder The folder, which is replaced if it is there.
 * @param options The name of the base model.
 * @throws {FileFormatError} If the folder cannot be written.
 */
export async function savePeftAdapter(
  adapter: LoraAdapter,
  folder: string,
  options: SaveAdapterOptions = {},
): Promise<void> {
  const { baseModel, raw } = options;
  const config = peftConfigJson(plainConfig(adapter.config), {
    ...raw,
    ...(baseModel !== undefined && { base_model_name_or_path: baseModel }),
  });
  const tensors = await adapterTensors(adapter, PEFT_LAYOUT);
  await writeFolderAtomically(folder, async (temporary) => {
    await writeSafetensors(joinPath(temporary, PEFT_LAYOUT.file), tensors);
    await writeTextAtomically(
      joinPath(temporary, "adapter_config.json"),
      `${JSON.stringify(config, null, 2)}\n`,
    );
  });
}
