import type { Option } from "./option.ts";
import { QUANTIZE_OPTIONS } from "./quantize_option.ts";
import { RANK_OPTIONS } from "./ranks.ts";

/** The options of `wick train`, in the order in which one would need them. */
export const TRAIN_OPTIONS: readonly Option[] = [
  {
    name: "config",
    value: "FILE",
    text:
      "YAML or JSON with these options, and adapters: for several at once; the command line overrides it",
  },
  { name: "model", value: "DIR", text: "the base model; needed" },
  {
    name: "data",
    value: "DIR",
    text: "train.jsonl and, if there, valid.jsonl; needed",
  },
  {
    name: "output",
    value: "DIR",
    text: "where adapter, checkpoints and report.html go; needed",
  },
  {
    name: "resume",
    text: "goes on from the newest checkpoint in --output, if there is one",
  },
  {
    name: "overwrite",
    text: "drops the checkpoints of an unfinished run in --output",
  },
  {
    name: "fine-tune-type",
    value: "lora|dora|full",
    text: "an adapter, one with DoRA, or the model's own weights; lora",
  },
  {
    name: "num-layers",
    value: "N",
    text: "only the last N decoder layers are trained, -1 for all; -1",
  },
  { name: "rank", value: "N", text: "inner size of the adapter; 8" },
  {
    name: "alpha",
    value: "X",
    text: "its scaling times the rank; twice the rank",
  },
  { name: "dropout", value: "X", text: "fraction of inputs dropped; 0" },
  {
    name: "target-modules",
    value: "NAMES",
    text: "layers, by comma, or all-linear; all-linear",
  },
  { name: "dora", text: "the same as --fine-tune-type dora" },
  { name: "rslora", text: "scales by alpha over the root of the rank" },
  {
    name: "bias",
    value: "none|lora_only|all",
    text: "which biases of the model are trained too; none",
  },
  {
    name: "modules-to-save",
    value: "NAMES",
    text: "modules trained whole beside the adapter, by comma",
  },
  {
    name: "init",
    value: "kaiming|gaussian|pissa",
    text: "how the inner matrix is drawn; kaiming",
  },
  {
    name: "adapter",
    value: "DIR",
    text: "begins with this adapter of PEFT or mlx-lm, whose kind it keeps",
  },
  ...QUANTIZE_OPTIONS,
  { name: "steps", value: "N", text: "updates in all; 100" },
  {
    name: "epochs",
    value: "X",
    text: "times that each example is seen, instead of --steps",
  },
  { name: "batch-size", value: "N", text: "rows run at once; 8" },
  {
    name: "gradient-accumulation",
    value: "N",
    text: "batches of an update; 1",
  },
  {
    name: "gradient-checkpointing",
    text: "computes inside of layers again: less memory, more time",
  },
  { name: "learning-rate", value: "X", text: "the highest; 2e-4" },
  {
    name: "schedule",
    value: "constant|linear|cosine",
    text: "how it goes on after the warm-up; linear",
  },
  { name: "warmup-steps", value: "N", text: "updates in which it rises; 0" },
  {
    name: "min-learning-rate",
    value: "X",
    text: "what is left at the end, as a part of the highest; 0",
  },
  {
    name: "lora-plus-ratio",
    value: "X",
    text: "rate of B over that of A (LoRA+); 1",
  },
  { name: "weight-decay", value: "X", text: "of AdamW; 0" },
  {
    name: "max-gradient-norm",
    value: "X",
    text: "where gradients are clipped, 0 for nowhere; 1",
  },
  {
    name: "label-smoothing",
    value: "X",
    text: "part of the target that all tokens share; 0",
  },
  { name: "seed", value: "N", text: "of weights, order and dropout; 0" },
  {
    name: "max-length",
    value: "N",
    text: "tokens after which examples are cut; the model's positions",
  },
  {
    name: "pack",
    text: "puts short examples together in rows of --max-length, kept apart",
  },
  { name: "group-by-length", text: "batches of examples of like length" },
  { name: "train-on-prompt", text: "prompts count in the loss, too" },
  {
    name: "evaluate-every",
    value: "N",
    text: "updates between validation losses; only at the end",
  },
  {
    name: "patience",
    value: "N",
    text: "validations without a better loss after which it ends; never",
  },
  {
    name: "best",
    text:
      "keeps the best adapter by validation, not the last; so does --patience",
  },
  {
    name: "save-every",
    value: "N",
    text: "updates between checkpoints; 100",
  },
  {
    name: "keep-checkpoints",
    value: "N",
    text: "checkpoints that are kept; 2",
  },
  {
    name: "samples",
    value: "N",
    text: "prompts completed before and after, for the report; 3",
  },
  {
    name: "sample-tokens",
    value: "N",
    text: "new tokens of each; 48",
  },
  {
    name: "log-every",
    value: "N",
    text: "updates between lines where there is no terminal",
  },
  {
    name: "exchange",
    value: "f32|bf16|f16",
    text: "under mpirun: what gradients are sent as; f32",
  },
  ...RANK_OPTIONS,
];
