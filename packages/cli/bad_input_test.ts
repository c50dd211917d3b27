import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { copyFolder } from "./copy_folder.ts";
import { runCaptured } from "./run_captured.ts";

const MODEL = "examples/tickets/base-model";
const GOLDEN = "testdata/conformance";

/** Something wrong: what is put into a fresh folder, the command, the line. */
interface BadInput {
  readonly name: string;
  /** Prepares the folder. */
  readonly make?: (folder: string) => Promise<void>;
  /** The command line, given the folder. */
  readonly args: (folder: string) => string[];
  /** The file that the line names, after the folder or as it is. */
  readonly file: string;
  /** What else the line says. */
  readonly says: string;
}

const train = (...args: string[]) => (folder: string): string[] => [
  "train",
  ...[`--output=${folder}/adapter`, "--steps=1", "--batch-size=1", ...args],
];
const trainOn = (folder: string): string[] =>
  train(`--model=${MODEL}`, `--data=${folder}`)(folder);
const inspectModel = (folder: string): string[] => ["inspect", `${folder}/m`];

/** Writes `train.jsonl`. */
const data = (...lines: unknown[]) => (folder: string): Promise<void> =>
  Deno.writeTextFile(
    `${folder}/train.jsonl`,
    lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
  );

/** Copies the model to `m`, with another `config.json`. */
const config = (changes: Record<string, unknown>) => async (folder: string) => {
  await copyFolder(`${GOLDEN}/models/tiny-llama`, `${folder}/m`);
  const path = `${folder}/m/config.json`;
  const old = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify({ ...old, ...changes }));
};

/** Copies the model to `m`, with other weights. */
const weights =
  (change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array) =>
  async (folder: string) => {
    await copyFolder(`${GOLDEN}/models/tiny-llama`, `${folder}/m`);
    const path = `${folder}/m/model.safetensors`;
    await Deno.writeFile(path, change(await Deno.readFile(path)));
  };

const BAD_INPUTS: readonly BadInput[] = [
  {
    name: "a model that is not there",
    args: (folder) => ["generate", `--model=${folder}/none`, "--prompt=a"],
    file: "/none/",
    says: "there is no such file",
  },
  {
    name: "an adapter that is not there",
    args: (folder) => [
      "generate",
      `--model=${MODEL}`,
      `--adapter=${folder}/none`,
      "--prompt=a",
    ],
    file: "/none/adapter_config.json",
    says: "there is no such file",
  },
  {
    name: "data that are not there",
    args: trainOn,
    file: "/train.jsonl",
    says: "there is no such file",
  },
  {
    name: "truncated weights",
    make: weights((bytes) => bytes.subarray(0, bytes.length - 100)),
    args: inspectModel,
    file: "/m/model.safetensors",
    says: "it is truncated or damaged",
  },
  {
    name: "a header that is longer than the file",
    make: weights((bytes) => {
      new DataView(bytes.buffer).setBigUint64(0, 2n ** 62n, true);
      return bytes;
    }),
    args: inspectModel,
    file: "/m/model.safetensors",
    says: "header",
  },
  {
    name: "a header that is no JSON",
    make: weights((bytes) => bytes.fill(0x7b, 8, 40)),
    args: inspectModel,
    file: "/m/model.safetensors",
    says: "JSON",
  },
  {
    name: "an empty file in the place of weights",
    make: weights(() => new Uint8Array()),
    args: inspectModel,
    file: "/m/model.safetensors",
    says: "0 bytes",
  },
  {
    name: "an unknown architecture",
    make: config({ model_type: "mamba", architectures: ["MambaForCausalLM"] }),
    args: inspectModel,
    file: "/m/config.json",
    says: "mamba",
  },
  {
    name: "weights of another size than the configuration means",
    make: async (folder) => {
      await copyFolder(MODEL, `${folder}/m`);
      const path = `${folder}/m/config.json`;
      const old = JSON.parse(await Deno.readTextFile(path));
      const changed = { ...old, "intermediate_size": 128 };
      await Deno.writeTextFile(path, JSON.stringify(changed));
    },
    args: (folder) => ["generate", `--model=${folder}/m`, "--prompt=a"],
    file: "/m/model.safetensors",
    says: "where the configuration means [128,128]",
  },
  {
    name: "data of mixed kinds",
    make: data({ prompt: "a", completion: "b" }, { text: "c" }),
    args: trainOn,
    file: "/train.jsonl",
    says: "line 2",
  },
  {
    name: "data with no examples",
    make: data(),
    args: trainOn,
    file: "/train.jsonl",
    says: "it has no examples",
  },
  {
    name: "a line that is no JSON",
    make: (folder) => Deno.writeTextFile(`${folder}/train.jsonl`, "{oops\n"),
    args: trainOn,
    file: "/train.jsonl",
    says: "line 1 is not JSON",
  },
  {
    name: "an example longer than the model's positions",
    make: data({ text: "one " }, { text: "one two ".repeat(300) }),
    args: trainOn,
    file: "/train.jsonl",
    says: "256 positions",
  },
  {
    name: "an adapter for another model",
    args: () => [
      "generate",
      `--model=${MODEL}`,
      `--adapter=${GOLDEN}/adapters/tiny-llama--qv-r8`,
      "--prompt=a",
    ],
    file: "adapters/tiny-llama--qv-r8/adapter_model.safetensors",
    says: "the adapter is for another model",
  },
  {
    name: "a target module that matches nothing",
    args: train(
      `--model=${MODEL}`,
      `--data=${MODEL}`,
      "--target-modules=q_proj,wings",
    ),
    file: MODEL,
    says: '"wings": no linear layer matches',
  },
  {
    name: "a prompt longer than the model's positions",
    args: () => [
      "generate",
      `--model=${MODEL}`,
      `--prompt=${"one two ".repeat(300)}`,
    ],
    file: "",
    says: "256 positions",
  },
  {
    name: "an output folder with other files in it",
    make: (folder) =>
      Deno.mkdir(`${folder}/adapter`).then(() =>
        Deno.writeTextFile(`${folder}/adapter/thesis.txt`, "years of work")
      ),
    args: train(`--model=${MODEL}`, `--data=${MODEL}`),
    file: "/adapter",
    says: "that are no adapter",
  },
  {
    name: "an output folder below a file",
    make: (folder) => Deno.writeTextFile(`${folder}/adapter`, "a file"),
    args: train(`--model=${MODEL}`, `--data=${MODEL}`),
    file: "/adapter",
    says: "a part of the path is not a folder",
  },
  {
    name: "exact match on texts without completions",
    make: data({ text: "one two" }),
    args: (folder) => [
      "evaluate",
      `--model=${MODEL}`,
      `--data=${folder}/train.jsonl`,
      "--exact-match",
    ],
    file: "/train.jsonl",
    says: "exact match needs",
  },
  {
    name: "a folder that is neither model nor adapter",
    args: (folder) => ["inspect", folder],
    file: "",
    says: "neither config.json nor adapter_config.json",
  },
];

for (const { name, make, args, file, says } of BAD_INPUTS) {
  Deno.test(`wick says what is wrong with ${name}`, async () => {
    const folder = await Deno.makeTempDir();
    await make?.(folder);
    const inspects = args(folder)[0] === "inspect";
    const { code, out, error } = await runCaptured([
      ...args(folder),
      ...(inspects ? [] : ["--device=cpu", "--quiet"]),
    ]);
    await Deno.remove(folder, { recursive: true });
    assertEquals([code, out], [1, ""]);
    assertMatch(error, /^wick: [^\n]+\n$/);
    assertStringIncludes(error, file);
    assertStringIncludes(error, says);
  });
}
