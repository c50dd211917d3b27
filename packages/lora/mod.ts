/**
 * LoRA adapters: put into a model, trained, merged, read and written as PEFT
 * and mlx-lm do.
 *
 * ```ts
 * import { CausalLanguageModel } from "@wick/models";
 * import { LoraAdapter, loraConfig } from "@wick/lora";
 * import { openDevice } from "@wick/async-exec";
 * import { assertEquals } from "@std/assert";
 *
 * using device = await openDevice({ device: "cpu" });
 * using model = await CausalLanguageModel.load(
 *   device,
 *   "examples/tickets/base-model",
 * );
 * using adapter = LoraAdapter.inject(model, loraConfig({ rank: 16, alpha: 32 }));
 * assertEquals(adapter.layers.size, 28);
 * ```
 *
 * @module
 */
export { layerConfig, loraConfig } from "./lora_config.ts";
export type {
  LoraBias,
  LoraConfig,
  LoraInit,
  LoraLayerConfig,
} from "./lora_config.ts";
export { targetPaths } from "./target_modules.ts";
export { LoraLinear } from "./lora_linear.ts";
export type {
  AdapterParts,
  DropoutSource,
  LoraBiases,
  PlainMatrices,
} from "./lora_linear.ts";
export { DoraLinear } from "./dora_linear.ts";
export { type InitialMatrices, PissaLinear } from "./pissa_linear.ts";
export {
  type LinearMap,
  type TruncatedSvd,
  truncatedSvd,
  type TruncatedSvdOptions,
} from "./truncated_svd.ts";
export { LoraAdapter } from "./lora_adapter.ts";
export type { InjectOptions, LoraMatrices } from "./lora_adapter.ts";
export {
  loadPeftAdapter,
  peftAdapterFiles,
  savePeftAdapter,
} from "./peft_files.ts";
export type { SaveAdapterOptions } from "./peft_files.ts";
export type { LoadAdapterOptions } from "./adapter_tensors.ts";
export { loadMlxAdapter, readMlxConfig, saveMlxAdapter } from "./mlx_files.ts";
export { adapterFormat, loadAdapter } from "./load_adapter.ts";
export type { AdapterFormat } from "./load_adapter.ts";
export { AdapterRegistry } from "./adapter_registry.ts";
export type { RegisteredAdapter } from "./adapter_registry.ts";
export { AdapterMix } from "./adapter_mix.ts";
export { MixedLinear } from "./mixed_linear.ts";
export type { MixedPart } from "./adapter_stack.ts";
export {
  combineAdapters,
  type CombineMethod,
  type CombineOptions,
  type WeightedAdapter,
} from "./combine_adapters.ts";
export { mergedReader, untiesHead } from "./merged_reader.ts";
export { mergeIntoFolder, type MergeOptions } from "./merge_into_folder.ts";
export { portability } from "./portability.ts";
export { peftConfigJson, readPeftConfig } from "./peft_config.ts";
export type { PeftConfig } from "./peft_config.ts";
