import { type Device, openDevice } from "@wick/async-exec";
import { loadAdapter } from "@wick/lora";
import {
  CausalLanguageModel,
  loadTokenizer,
  type Tokenizer,
} from "@wick/models";
import type { Arguments } from "./arguments.ts";
import type { Io } from "./io.ts";

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
 * Opens the device that the arguments name, and says which it is.
 *
 * @param args The arguments.
 * @param io Where that is said.
 * @returns The device, to be closed.
 */
export async function openNamedDevice(
  args: Arguments,
  io: Io,
): Promise<Device> {
  const wanted = args.choice("device", ["cpu", "webgpu", "auto"]);
  const device = await openDevice({
    ...(wanted && { device: wanted }),
    announce: false,
  });
  if (!args.flag("quiet")) io.error(`wick: ${device.description}\n`);
  return device;
}

/**
 * Loads the model that `--model` names, and the adapter of `--adapter` if there
 * is one.
 *
 * @param args The arguments.
 * @param io Where messages go.
 * @param opened What is to be closed is put in here.
 * @returns The model.
 */
export async function openModel(
  args: Arguments,
  io: Io,
  opened: DisposableStack,
): Promise<OpenModel> {
  const folder = args.required("model");
  const adapter = args.filled("adapter");
  const device = opened.use(await openNamedDevice(args, io));
  const tokenizer = await loadTokenizer(folder);
  const model = opened.use(await CausalLanguageModel.load(device, folder));
  if (adapter !== undefined) opened.use(await loadAdapter(model, adapter));
  return { device, model, tokenizer };
}
