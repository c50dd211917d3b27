import {
  adapterFormat,
  readPeftConfig,
  saveMlxAdapter,
  savePeftAdapter,
} from "@wick/lora";
import { CausalLanguageModel } from "@wick/models";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import type { Io } from "./io.ts";
import { openNamedDevice } from "./open.ts";
import { ADAPTER_OPTIONS, adapterChoice, openAdapter } from "./open_adapter.ts";
import { prepareOutputFolder } from "./output_folder.ts";
import { UsageError } from "./usage_error.ts";

/** `wick convert`. */
export const CONVERT: Command = {
  name: "convert",
  summary: "writes an adapter as another tool reads it",
  usage: "--model DIR --adapter DIR --output DIR --to peft|mlx [options]",
  options: [
    {
      name: "model",
      value: "DIR",
      text: "its base model, which tells the layers; needed",
    },
    ...ADAPTER_OPTIONS,
    { name: "output", value: "DIR", text: "where the new one goes; needed" },
    { name: "to", value: "peft|mlx", text: "the tool it is for; needed" },
  ],
  examples: [
    "--model examples/tickets/base-model --adapter out/tickets --output out/mlx --to mlx",
    "--model DIR --adapter DIR --output DIR --to peft",
  ],
  run: convert,
};

async function convert(args: Arguments, io: Io): Promise<number> {
  args.refuseOperands();
  const folder = args.required("model");
  const choice = adapterChoice(args);
  const output = args.required("output");
  const to = args.choice("to", ["peft", "mlx"]);
  if (!to) throw new UsageError("Cannot do without --to: it is peft or mlx");
  await prepareOutputFolder(output);
  using opened = new DisposableStack();
  const device = opened.use(await openNamedDevice(args, io));
  const model = opened.use(await CausalLanguageModel.load(device, folder));
  const [only, ...others] = choice.folders;
  const adapter = opened.use(await openAdapter(model, choice));
  if (to === "mlx") {
    await saveMlxAdapter(adapter, output);
  } else {
    await savePeftAdapter(
      adapter,
      output,
      others.length === 0 && await adapterFormat(only!) === "peft"
        ? { raw: (await readPeftConfig(only!)).raw }
        : { baseModel: folder },
    );
  }
  if (args.flag("json")) {
    io.out(
      `${JSON.stringify({ event: "converted", adapter: output, to })}\n`,
    );
  } else if (!args.flag("quiet")) {
    io.error(`${adapter.layers.size} layers, adapter for ${to} in ${output}\n`);
  }
  return 0;
}
