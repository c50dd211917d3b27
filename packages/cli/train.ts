import { LoraAdapter, loraConfig, savePeftAdapter } from "@wick/lora";
import { CausalLanguageModel, loadTokenizer } from "@wick/models";
import { readExamples, type StepReport, Trainer } from "@wick/training";
import type { Arguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import type { Io } from "./io.ts";
import { openNamedDevice } from "./open.ts";
import { prepareOutputFolder } from "./output_folder.ts";
import { loadOptions } from "./quantize_option.ts";
import {
  readExamplesIfPresent,
  splitPath,
  tokenizeExamples,
} from "./read_data.ts";
import {
  TRAIN_OPTIONS,
  type TrainSettings,
  trainSettings,
} from "./train_options.ts";
import { TrainingProgress } from "./training_progress.ts";

/** `wick train`. */
export const TRAIN: Command = {
  name: "train",
  summary: "trains a LoRA adapter on a data set",
  usage: "--model DIR --data DIR --output DIR [options]",
  options: TRAIN_OPTIONS,
  examples: [
    "--model examples/tickets/base-model --data examples/tickets/base-model --output out/tickets",
    "--model DIR --data DIR --output DIR --rank 16 --target-modules q_proj,v_proj --steps 300",
  ],
  run: train,
};

async function train(args: Arguments, io: Io): Promise<number> {
  const settings = trainSettings(args);
  const quiet = args.flag("quiet");
  const say = (text: string): void => quiet ? undefined : io.error(`${text}\n`);
  using opened = new DisposableStack();
  const { trainer, adapter, model } = await prepare(args, settings, opened, io);
  say(
    `${adapter.layers.size} layers adapted, ${adapter.parameterCount} numbers trained`,
  );
  const reports = await trainer.run();
  const stopped = io.signal.aborted;
  const last = reports.at(-1);
  if (!last) return 130;
  await savePeftAdapter(adapter, settings.output, {
    baseModel: settings.model,
  });
  if (stopped) {
    io.error(
      `wick: stopped after step ${last.step} of ${last.steps}; ${settings.output} holds the adapter as it is\n`,
    );
  }
  if (args.flag("json")) {
    io.out(`${
      JSON.stringify({
        event: "saved",
        adapter: settings.output,
        device: model.device.name,
        steps: last.step,
        loss: last.loss,
        validationLoss: last.validationLoss ?? null,
      })
    }\n`);
  } else if (!stopped) say(`adapter saved in ${settings.output}`);
  return stopped ? 130 : 0;
}

interface Prepared {
  readonly model: CausalLanguageModel;
  readonly adapter: LoraAdapter;
  readonly trainer: Trainer;
}

async function prepare(
  args: Arguments,
  settings: TrainSettings,
  opened: DisposableStack,
  io: Io,
): Promise<Prepared> {
  const { data, output, seed, maxLength } = settings;
  const device = opened.use(await openNamedDevice(args, io));
  const [trainPath, validPath] = [
    splitPath(data, "train"),
    splitPath(data, "valid"),
  ];
  const examples = await readExamples(trainPath);
  const validation = trainPath === validPath
    ? []
    : await readExamplesIfPresent(validPath);
  const tokenizer = await loadTokenizer(settings.model);
  const model = opened.use(
    await CausalLanguageModel.load(device, settings.model, loadOptions(args)),
  );
  const tokenized = [[trainPath, examples], [validPath, validation]] as const;
  const [trained, validated] = tokenized.map(([path, part]) =>
    part.length === 0 ? [] : tokenizeExamples(part, model, tokenizer, {
      path,
      ...(maxLength !== undefined && { maxLength }),
    })
  );
  const adapter = opened.use(inject(model, settings, seed));
  await prepareOutputFolder(output);
  const trainer = new Trainer(model, adapter, trained!, validated!, {
    ...settings.trainer,
    signal: io.signal,
    onStep: stepObserver(args, settings, io),
  });
  return { model, adapter, trainer };
}

function inject(
  model: CausalLanguageModel,
  { lora, model: folder }: TrainSettings,
  seed: number,
): LoraAdapter {
  try {
    return LoraAdapter.inject(model, loraConfig(lora), { seed });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new RangeError(`${cause.message}, in ${folder}`, { cause });
  }
}

function stepObserver(
  args: Arguments,
  { logEvery }: TrainSettings,
  io: Io,
): (report: StepReport) => void {
  const progress = new TrainingProgress(io, {
    ...(logEvery !== undefined && { every: logEvery }),
  });
  const [json, quiet] = [args.flag("json"), args.flag("quiet")];
  return (report) => {
    if (json) io.out(`${JSON.stringify({ event: "step", ...report })}\n`);
    else if (!quiet) progress.show(report);
    if (report.step === report.steps || io.signal.aborted) progress.end();
  };
}
