import { FileFormatError } from "@wick/models";
import {
  evaluateLoss,
  exactMatch,
  type Example,
  readExamples,
} from "@wick/training";
import { type Arguments, present } from "./arguments.ts";
import type { Command } from "./command.ts";
import type { Io } from "./io.ts";
import { openModel } from "./open.ts";
import { progressBar } from "./progress_bar.ts";
import { QUANTIZE_OPTIONS } from "./quantize_option.ts";
import { checkGpus, RANK_OPTIONS, type RankedIo, runRanked } from "./ranks.ts";
import { splitPath, SPLITS } from "./read_data.ts";
import { tokenizeData } from "./training_data.ts";

/** `wick evaluate`. */
export const EVALUATE: Command = {
  name: "evaluate",
  summary: "gives loss, perplexity and exact match on a data set",
  usage: "--model DIR --data DIR [options]",
  options: [
    { name: "model", value: "DIR", text: "the model; needed" },
    { name: "adapter", value: "DIR", text: "a PEFT adapter for it" },
    {
      name: "data",
      value: "DIR",
      text: "the data set, or a jsonl file; needed",
    },
    {
      name: "split",
      value: "train|valid|test",
      text: "which file of it; test",
    },
    {
      name: "exact-match",
      text: "complete the prompts greedily, too, and compare",
    },
    { name: "max-new-tokens", value: "N", text: "of a completion; 128" },
    {
      name: "max-length",
      value: "N",
      text: "tokens after which examples are cut",
    },
    { name: "batch-size", value: "N", text: "examples run at once" },
    { name: "limit", value: "N", text: "only the first N examples" },
    ...QUANTIZE_OPTIONS,
    ...RANK_OPTIONS,
  ],
  examples: [
    "--model examples/tickets/base-model --adapter out/tickets --data examples/tickets/base-model --exact-match",
    "--model DIR --data DIR --split valid --json",
  ],
  run: evaluate,
};

async function evaluate(args: Arguments, io: Io): Promise<number> {
  args.refuseOperands();
  return await runRanked(args, io, (ranked) => evaluateRank(args, ranked));
}

async function evaluateRank(
  args: Arguments,
  { communicator, io }: RankedIo,
): Promise<number> {
  const path = splitPath(
    args.required("data"),
    args.choice("split", SPLITS) ?? "test",
  );
  const batch = present({ batchSize: args.whole("batch-size") });
  const limit = args.whole("limit");
  const maxLength = args.whole("max-length", { minimum: 2 });
  const generation = present({ maxNewTokens: args.whole("max-new-tokens") });
  args.required("model");
  const examples = (await readExamples(path)).slice(0, limit);
  const prompts = args.flag("exact-match") ? completions(examples, path) : [];
  using opened = new DisposableStack();
  const { device, model, tokenizer } = await openModel(args, io, opened);
  await checkGpus(args, communicator, device);
  const { examples: tokenized } = tokenizeData(examples, model, tokenizer, {
    path,
    ...(maxLength !== undefined && { maxLength }),
  });
  const options = { ...batch, communicator, signal: io.signal };
  const report = await evaluateLoss(model, tokenized, {
    ...options,
    onProgress: progressBar(args, io, "loss"),
  });
  const matches = await exactMatch(model, tokenizer, prompts, {
    ...options,
    ...generation,
    onProgress: progressBar(args, io, "exact match"),
  });
  const right = matches.filter((result) => result.matches).length;
  if (args.flag("json")) {
    io.out(`${
      JSON.stringify({
        data: path,
        examples: examples.length,
        ...report,
        ...(args.flag("exact-match") && {
          exactMatch: { right, of: matches.length },
        }),
      })
    }\n`);
    return 0;
  }
  io.out(`examples    ${examples.length}\n`);
  io.out(`loss        ${report.loss.toFixed(4)}\n`);
  io.out(`perplexity  ${report.perplexity.toFixed(4)}\n`);
  if (args.flag("exact-match")) {
    io.out(`exact match ${right}/${matches.length}\n`);
  }
  return 0;
}

function completions(
  examples: readonly Example[],
  path: string,
): { prompt: string; completion: string }[] {
  return examples.map((example) => {
    if (example.kind === "completion") return example;
    throw new FileFormatError(
      path,
      'exact match needs "prompt" and "completion", which it has not',
    );
  });
}
