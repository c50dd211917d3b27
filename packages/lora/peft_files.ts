import {
  type CausalLanguageModel,
  encodeSafetensors,
  joinPath,
  type JsonObject,
  writeAll,
  writeAtomically,
  writeFolderAtomically,
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
 * Gives the files of an adapter as PEFT writes them, where they are not to lie in
 * a folder: a browser offers them for download, say. An adapter that began with
 * PiSSA is the plain LoRA of twice the rank that it is equal to.
 *
 * @example Usage
 * ```ts
 * import { CausalLanguageModel } from "@wick/models";
 * import { LoraAdapter, loraConfig, peftAdapterFiles } from "@wick/lora";
 * import { openDevice } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * const folder = "examples/tickets/base-model";
 * using model = await CausalLanguageModel.load(device, folder);
 * using adapter = LoraAdapter.inject(model, loraConfig({ rank: 4 }));
 * const files = await peftAdapterFiles(adapter);
 * assertEquals([...files.keys()].sort(), [
 *   "adapter_config.json",
 *   "adapter_model.safetensors",
 * ]);
 * const file = new Blob(files.get("adapter_model.safetensors"));
 * assertEquals(file.size > 4 * adapter.parameterCount, true);
 * ```
 *
 * @param adapter The adapter.
 * @param options The name of the base model.
 * @returns The bytes of each file by its name, in parts that follow one another.
 */
export async function peftAdapterFiles(
  adapter: LoraAdapter,
  options: SaveAdapterOptions = {},
): Promise<Map<string, Uint8Array<ArrayBuffer>[]>> {
  const { baseModel, raw } = options;
  const config = peftConfigJson(plainConfig(adapter.config), {
    ...raw,
    ...(baseModel !== undefined && { base_model_name_or_path: baseModel }),
  });
  const tensors = await adapterTensors(adapter, PEFT_LAYOUT);
  const text = `${JSON.stringify(config, null, 2)}\n`;
  return new Map([
    [PEFT_LAYOUT.file, encodeSafetensors(tensors)],
    ["adapter_config.json", [new TextEncoder().encode(text)]],
  ]);
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
  const files = await peftAdapterFiles(adapter, options);
  await writeFolderAtomically(folder, async (temporary) => {
    for (const [name, parts] of files) {
      await writeAtomically(joinPath(temporary, name), async (file) => {
        for (const part of parts) await writeAll(file, part);
      });
    }
  });
}
