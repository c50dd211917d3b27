import {
  type Device,
  openDevice,
  type OpenDeviceOptions,
} from "@wick/async-exec";
import {
  CausalLanguageModel,
  loadTokenizer,
  type Tokenizer,
} from "@wick/models";
import type { Arguments } from "./arguments.ts";
import type { Io } from "./io.ts";
import { adapterChoice, openAdapter } from "./open_adapter.ts";
import { progressBar } from "./progress_bar.ts";
import { loadOptions } from "./quantize_option.ts";

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
 * @param options Whether kernels can be timed.
 * @returns The device, to be closed.
 */
export async function openNamedDevice(
  args: Arguments,
  io: Io,
  options: Pick<OpenDeviceOptions, "timestamps"> = {},
): Promise<Device> {
  const wanted = args.choice("device", ["cpu", "webgpu", "auto"]);
  const device = await openDevice({
    ...options,
    ...(wanted && { device: wanted }),
    announce: false,
  });
  if (!args.flag("quiet")) io.error(`wick: ${device.description}\n`);
  return device;
}

/**
 * Loads the model that `--model` names, quantized if `--quantize` says so, and the adapter of `--adapter` if there
 * is one.
 *
 * @param args The arguments.
 * @param io Where messages go.
 * @param opened What is to be closed is put in here.
 * @param options Whether kernels can be timed.
 * @returns The model.
 */
export async function openModel(
  args: Arguments,
  io: Io,
  opened: DisposableStack,
  options: Pick<OpenDeviceOptions, "timestamps"> = {},
): Promise<OpenModel> {
  const folder = args.required("model");
  const adapters = args.texts("adapter").length > 0
    ? adapterChoice(args)
    : undefined;
  const chatTemplate = args.filled("chat-template");
  const device = opened.use(await openNamedDevice(args, io, options));
  const tokenizer = await loadTokenizer(folder, {
    ...(chatTemplate !== undefined && { chatTemplate }),
  });
  const model = opened.use(
    await CausalLanguageModel.load(device, folder, {
      ...loadOptions(args),
      onProgress: progressBar(args, io, "loading"),
    }),
  );
  if (adapters) opened.use(await openAdapter(model, adapters));
  return { device, model, tokenizer };
}
