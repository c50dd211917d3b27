import { FileFormatError } from "@wick/models";
import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Arguments } from "./arguments.ts";
import { resolveTrain } from "./resolve_train.ts";
import { runCaptured } from "./run_captured.ts";
import { OWN_OPTIONS, readTrainConfig } from "./train_config.ts";
import { TRAIN_OPTIONS } from "./train_option_list.ts";
import { trainSettings } from "./train_options.ts";

async function withFile<T>(
  name: string,
  text: string,
  use: (path: string) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/${name}`, text);
    return await use(`${folder}/${name}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const OURS = `
# A comment.
model: base
data: texts
output: out
rank: 16
target_modules: [q_proj, v_proj]
learning-rate: 3e-4
pack: true
max_length: 128
patience: 3
`;

Deno.test("a config file gives options, and the command line overrides them", async () => {
  await withFile("train.yaml", OURS, async (path) => {
    const line = [`--config=${path}`, "--rank=4", "--pack=false", "--epochs=2"];
    const { args, notes } = await resolveTrain(
      new Arguments(line, TRAIN_OPTIONS),
    );
    const settings = trainSettings(args);
    assertEquals(notes, []);
    assertEquals(
      [settings.model, settings.data, settings.output],
      ["base", "texts", "out"],
    );
    assertEquals(settings.lora.rank, 4);
    assertEquals(settings.lora.alpha, 8);
    assertEquals(settings.lora.targetModules, ["q_proj", "v_proj"]);
    assertEquals([settings.pack, settings.best, settings.epochs], [
      false,
      true,
      2,
    ]);
    assertEquals(settings.trainer.learningRate, 3e-4);
    assertEquals(settings.trainer.patience, 3);
  });
});

const MLX = `
model: base
train: true
data: texts
fine_tune_type: dora
optimizer: adamw
mask_prompt: false
num_layers: 4
batch_size: 2
iters: 50
val_batches: 25
learning_rate: 1e-5
steps_per_report: 10
steps_per_eval: 20
adapter_path: adapters
save_every: 25
max_seq_length: 64
grad_checkpoint: true
lora_parameters:
  keys: ["self_attn.q_proj", "self_attn.v_proj"]
  rank: 8
  scale: 20.0
  dropout: 0.1
lr_schedule:
  name: cosine_decay
  warmup: 5
  warmup_init: 1e-7
  arguments: [1e-4, 50, 1e-5]
`;

Deno.test("a config file of mlx-lm means the same", async () => {
  await withFile("lora.yaml", MLX, async (path) => {
    const { args, notes } = await resolveTrain(
      new Arguments([`--config=${path}`], TRAIN_OPTIONS),
    );
    const settings = trainSettings(args);
    assertEquals(notes.length, 2);
    assertStringIncludes(notes[0]!, '"train"');
    assertEquals(settings.output, "adapters");
    assertEquals(settings.kind, "dora");
    assertEquals(settings.lastLayers, 4);
    assertEquals(settings.trainOnPrompt, true);
    assertEquals(settings.lora, {
      rank: 8,
      alpha: 160,
      useDora: true,
      dropout: 0.1,
      targetModules: ["q_proj", "v_proj"],
    });
    assertEquals(settings.trainer, {
      ...{
        seed: 0,
        learningRate: 1e-4,
        saveEvery: 25,
        steps: 50,
        batchSize: 2,
      },
      ...{ gradientCheckpointing: true, groupByLength: false },
      ...{ schedule: "cosine", warmupSteps: 5, evaluateEvery: 20 },
      minLearningRate: 0.1,
    });
    assertEquals([settings.maxLength, settings.logEvery], [64, 10]);
  });
});

Deno.test("a config in JSON is read, too", async () => {
  await withFile("a.json", '{"rank": 2, "dora": true}', async (path) => {
    const { options } = await readTrainConfig(path);
    assertEquals(
      options,
      new Map<string, string | boolean>([["rank", "2"], ["dora", true]]),
    );
  });
});

const BAD: readonly [name: string, text: string, says: string][] = [
  ["a.yaml", "rank: [1", "it is not YAML"],
  ["a.yaml", "- rank", "not a list of keys with values"],
  ["a.yaml", "rnak: 8", '"rnak" is no option; there are model, data'],
  ["a.yaml", "rank: eight", 'wick cannot take "eight" as rank'],
  ["a.yaml", "learning_rate: -1", "learning-rate: it must be"],
  ["a.yaml", "pack: 3", '"pack" is 3: it must be true or false'],
  ["a.yaml", "rank: {a: 1}", '"rank" is {"a":1}'],
  ["a.yaml", "optimizer: muon", "only adamw is there"],
  ["a.yaml", "lr_schedule: step", '"lr_schedule" needs a name out of'],
  ["a.yaml", "lora_parameters: 8", "has no keys of its own"],
  ["a.yaml", "epochs: 2\nsteps: 3", "both epochs and steps"],
  ["a.json", "{rank: 8}", "it is not JSON"],
  ["a.json", '{"rank": 8, "rank": 9}', '"rank" twice'],
];

for (const [name, text, says] of BAD) {
  Deno.test(`a config of ${JSON.stringify(text)} is refused in one line`, async () => {
    await withFile(name, text, async (path) => {
      const error = await assertRejects(
        () => readTrainConfig(path),
        FileFormatError,
      );
      assertStringIncludes(error.message, path);
      assertStringIncludes(error.message, says);
      const { code, error: line } = await runCaptured([
        "train",
        `--config=${path}`,
      ]);
      assertEquals(code, 1);
      assertMatch(line, /^wick: [^\n]+\n$/);
    });
  });
}

Deno.test("aliases that would grow without bound are refused", async () => {
  const lines = ["a: &a [x,x,x,x,x,x,x,x,x]"];
  for (let i = 1; i < 12; i++) {
    const [now, before] = [i, i - 1].map((n) => "abcdefghijkl"[n]);
    lines.push(`${now}: &${now} [${Array(9).fill(`*${before}`).join()}]`);
  }
  await withFile("a.yaml", lines.join("\n"), async (path) => {
    await assertRejects(
      () => readTrainConfig(path),
      FileFormatError,
      "not YAML",
    );
  });
});

Deno.test("wick train --help lists every option", async () => {
  const { out } = await runCaptured(["train", "--help"]);
  for (const { name } of TRAIN_OPTIONS) assertStringIncludes(out, `--${name}`);
});

Deno.test("docs/fine-tuning.md has a config file that is one, and every key", async () => {
  const page = await Deno.readTextFile("docs/fine-tuning.md");
  const blocks = [...page.matchAll(/```yaml\n(.*?)```/gs)];
  assertEquals(blocks.length, 2);
  await withFile("train.yaml", blocks[0]![1]!, async (path) => {
    const { args } = await resolveTrain(
      new Arguments([`--config=${path}`], TRAIN_OPTIONS),
    );
    assertEquals(trainSettings(args).trainer.schedule, "cosine");
  });
  await withFile("train.yaml", blocks[1]![1]!, async (path) => {
    const { adapters = [] } = await resolveTrain(
      new Arguments([`--config=${path}`, "--steps=9"], TRAIN_OPTIONS),
    );
    assertEquals(
      adapters.map(({ name, args }) => {
        const { data, output, lora, trainer } = trainSettings(args);
        const { steps, learningRate } = trainer;
        return [name, data, output, lora.rank, steps, learningRate];
      }),
      [
        ["support", "data/support", "out/team/support", 16, 9, 2e-4],
        ["titles", "data/titles", "out/titles", 4, 9, 5e-4],
      ],
    );
  });
  const [, own] = /^- Of its own an adapter can have(.*?)\. What/ms.exec(page)!;
  const named = [...own!.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name);
  assertEquals(named.toSorted(), OWN_OPTIONS.toSorted());
  const documented = [...page.matchAll(/^\| `([a-z-]+)` +\|/gm)]
    .map(([, name]) => name);
  const wanted = TRAIN_OPTIONS.map(({ name }) => name)
    .filter((name) => name !== "config" && name !== "resume");
  assertEquals(documented.toSorted(), wanted.toSorted());
});
