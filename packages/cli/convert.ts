import {
  adapterFormat,
  loadAdapter,
  readPeftConfig,
  saveMlxAdapter,
  savePeftAdapter,
} from "@wick/lora";
import { CausalLanguageModel } from "@wick/models";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import type { Io } from "./io.ts";
import { openNamedDevice } from "./open.ts";
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
    {
      name: "adapter",
      value: "DIR",
      text: "an adapter of PEFT or mlx-lm; needed",
    },
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
  const from = args.required("adapter");
  const output = args.required("output");
  const to = args.choice("to", ["peft", "mlx"]);
  if (!to) throw new UsageError("Cannot do without --to: it is peft or mlx");
  await prepareOutputFolder(output);
  using opened = new DisposableStack();
  const device = opened.use(await openNamedDevice(args, io));
  const model = opened.use(await CausalLanguageModel.load(device, folder));
  const adapter = opened.use(await loadAdapter(model, from));
  if (to === "mlx") {
    await saveMlxAdapter(adapter, output);
  } else {
    await savePeftAdapter(
      adapter,
      output,
      await adapterFormat(from) === "peft"
        ? { raw: (await readPeftConfig(from)).raw }
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
