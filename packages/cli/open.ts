import { type Device, openDevice } from "@wick/async-exec";
import { loadPeftAdapter } from "@wick/lora";
import {
  CausalLanguageModel,
  loadTokenizer,
  type Tokenizer,
} from "@wick/models";
import type { Arguments } from "./arguments.ts";

/** A model that is ready to run. */
export interface OpenModel {
  /** What computes. */
  readonly device: Device;
  /** The model, with the adapter in it if one was named. */
  readonly model: CausalLanguageModel;
  /** Its tokenizer. */
  readonly tokenizer: Tokenizer;
}

/**
 * Opens the device that the arguments name.
 *
 * @param args The arguments.
 * @returns The device, to be closed.
 */
export async function openNamedDevice(args: Arguments): Promise<Device> {
  const device = args.choice("device", ["cpu", "webgpu", "auto"]);
  return await openDevice({
    ...(device && { device }),
    announce: !args.flag("quiet"),
  });
}

/**
 * Loads the model that `--model` names, and the adapter of `--adapter` if there
 * is one.
 *
 * @param args The arguments.
 * @param opened What is to be closed is put in here.
 * @returns The model.
 */
export async function openModel(
  args: Arguments,
  opened: DisposableStack,
): Promise<OpenModel> {
  const folder = args.required("model");
  const adapter = args.filled("adapter");
  const device = opened.use(await openNamedDevice(args));
  const tokenizer = await loadTokenizer(folder);
  const model = opened.use(await CausalLanguageModel.load(device, folder));
  if (adapter !== undefined) opened.use(await loadPeftAdapter(model, adapter));
  return { device, model, tokenizer };
}
