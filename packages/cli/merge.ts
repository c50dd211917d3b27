import { loadAdapter, mergeIntoFolder } from "@wick/lora";
import { CausalLanguageModel } from "@wick/models";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import type { Io } from "./io.ts";
import { openNamedDevice } from "./open.ts";
import { prepareOutputFolder } from "./output_folder.ts";

/** `wick merge`. */
export const MERGE: Command = {
  name: "merge",
  summary: "writes a model with an adapter in its weights",
  usage: "--model DIR --adapter DIR --output DIR [options]",
  options: [
    { name: "model", value: "DIR", text: "the base model; needed" },
    {
      name: "adapter",
      value: "DIR",
      text: "an adapter for it, of PEFT or mlx-lm; needed",
    },
    {
      name: "output",
      value: "DIR",
      text: "a new folder for the model, in the base's types; needed",
    },
  ],
  examples: [
    "--model examples/tickets/base-model --adapter out/tickets --output out/merged",
    "--model DIR --adapter DIR --output DIR --device cpu",
  ],
  run: merge,
};

async function merge(args: Arguments, io: Io): Promise<number> {
  args.refuseOperands();
  const folder = args.required("model");
  const from = args.required("adapter");
  const output = args.required("output");
  await prepareOutputFolder(output, "nothing");
  using opened = new DisposableStack();
  const device = opened.use(await openNamedDevice(args, io));
  const model = opened.use(await CausalLanguageModel.load(device, folder));
  const adapter = opened.use(await loadAdapter(model, from));
  await mergeIntoFolder(adapter, folder, output);
  if (args.flag("json")) {
    const layers = adapter.layers.size;
    io.out(`${JSON.stringify({ event: "merged", model: output, layers })}\n`);
  } else if (!args.flag("quiet")) {
    io.error(`${adapter.layers.size} layers merged, model in ${output}\n`);
  }
  return 0;
}
