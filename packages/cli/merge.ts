import { mergeIntoFolder } from "@wick/lora";
import { CausalLanguageModel } from "@wick/models";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import type { Io } from "./io.ts";
import { openNamedDevice } from "./open.ts";
import { ADAPTER_OPTIONS, adapterChoice, openAdapter } from "./open_adapter.ts";
import { prepareOutputFolder } from "./output_folder.ts";
import { quantizationOption } from "./quantize_option.ts";

/** `wick merge`. */
export const MERGE: Command = {
  name: "merge",
  summary: "writes a model with an adapter in its weights",
  usage: "--model DIR --adapter DIR --output DIR [options]",
  options: [
    { name: "model", value: "DIR", text: "the base model; needed" },
    ...ADAPTER_OPTIONS,
    {
      name: "output",
      value: "DIR",
      text: "a new folder for the model, in the base's types; needed",
    },
    {
      name: "quantize",
      value: "4|8",
      text: "bits of the merged weights; floats, also of a quantized base",
    },
    {
      name: "group-size",
      value: "32|64|128",
      text: "weights that share a scale where they are quantized; 64",
    },
  ],
  examples: [
    "--model examples/tickets/base-model --adapter out/tickets --output out/merged",
    "--model DIR --adapter DIR --adapter DIR --weights 0.7,0.3 --output DIR",
  ],
  run: merge,
};

async function merge(args: Arguments, io: Io): Promise<number> {
  args.refuseOperands();
  const folder = args.required("model");
  const choice = adapterChoice(args);
  const output = args.required("output");
  const quantize = quantizationOption(args);
  await prepareOutputFolder(output, "nothing");
  using opened = new DisposableStack();
  const device = opened.use(await openNamedDevice(args, io));
  const model = opened.use(await CausalLanguageModel.load(device, folder));
  const adapter = opened.use(await openAdapter(model, choice));
  await mergeIntoFolder(adapter, folder, output, quantize ? { quantize } : {});
  if (args.flag("json")) {
    const layers = adapter.layers.size;
    io.out(`${JSON.stringify({ event: "merged", model: output, layers })}\n`);
  } else if (!args.flag("quiet")) {
    io.error(`${adapter.layers.size} layers merged, model in ${output}\n`);
  }
  return 0;
}
