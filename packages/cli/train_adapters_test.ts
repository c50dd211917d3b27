import { uniformSource } from "@wick/models";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { runCaptured } from "./run_captured.ts";
import { writeTinyModel } from "./tiny_model.ts";

const MAIN = new URL("./main.ts", import.meta.url).pathname;
const DATA = "examples/tickets/base-model";
const ADAPTER = "adapter_model.safetensors";
const STEPS = 30;

// Each has data, a rank, layers and a rate of its own.
const CONFIG = (folder: string) => `
model: ${folder}/model
output: ${folder}/run
steps: ${STEPS}
batch-size: 2
gradient-accumulation: 2
evaluate-every: 7
save-every: 3
sample-tokens: 4
learning-rate: 1e-2
dropout: 0.2
adapters:
  - name: small
    data: ${folder}/first
    rank: 2
    target-modules: [q_proj, v_proj]
    samples: 1
  - name: large
    data: ${folder}/second
    output: ${folder}/run-large
    rank: 4
    learning-rate: 5e-3
    batch-size: 3
    best: true
    samples: 0
`;

interface Prepared extends AsyncDisposable {
  readonly folder: string;
  readonly config: string;
}

async function prepare(change = (text: string) => text): Promise<Prepared> {
  const folder = await Deno.makeTempDir();
  await writeTinyModel(`${folder}/model`);
  for (const [part, start] of [["first", 0], ["second", 12]] as const) {
    await Deno.mkdir(`${folder}/${part}`);
    for (const [name, count] of [["train", 9], ["valid", 3]] as const) {
      const text = await Deno.readTextFile(`${DATA}/${name}.jsonl`);
      await Deno.writeTextFile(
        `${folder}/${part}/${name}.jsonl`,
        text.split("\n").slice(start, start + count).join("\n"),
      );
    }
  }
  const config = `${folder}/train.yaml`;
  await Deno.writeTextFile(config, change(CONFIG(folder)));
  return {
    ...{ folder, config },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function stepsOf(run: string): Promise<number[][]> {
  const text = await Deno.readTextFile(`${run}/metrics.jsonl`);
  return text.trim().split("\n").map((line) => JSON.parse(line))
    .filter(({ event }) => event === "step")
    .map(({ step, loss, gradientNorm, learningRate, validationLoss }) => [
      ...[step, loss, gradientNorm, learningRate, validationLoss ?? -1],
    ]);
}

Deno.test("wick train of several adapters gives each what it gives alone", async () => {
  await using prepared = await prepare((text) =>
    text.replace("dropout: 0.2", "dropout: 0")
  );
  const { folder, config } = prepared;
  const line = ["train", `--config=${config}`, "--device=cpu"];
  const { code, error } = await runCaptured(line);
  assertEquals(code, 0, error);
  assertMatch(error, /small: \d+ layers adapted, \d+ numbers trained/);
  assertMatch(error, /step 30\/30 {2}small \d\.\d{4} {2}large \d\.\d{4} {2}/);
  assertMatch(error, /validation loss {2}small \d\.\d{4} {2}large \d\.\d{4}/);
  assertMatch(error, /adapter of step \d+ saved in \S+run-large/);
  for (
    const [name, run, part, more] of [
      ["small", "run/small", "first", [
        ...["--rank=2", "--target-modules=q_proj,v_proj", "--samples=1"],
      ]],
      ["large", "run-large", "second", [
        ...["--rank=4", "--learning-rate=5e-3", "--batch-size=3", "--best"],
        "--samples=0",
      ]],
    ] as const
  ) {
    const alone = `${folder}/alone-${name}`;
    const { code, error } = await runCaptured([
      ...["train", `--model=${folder}/model`, `--data=${folder}/${part}`],
      ...[`--output=${alone}`, "--device=cpu", `--steps=${STEPS}`],
      ...["--batch-size=2", "--gradient-accumulation=2", "--evaluate-every=7"],
      ...["--sample-tokens=4", "--learning-rate=1e-2", "--quiet", ...more],
    ]);
    assertEquals(code, 0, error);
    const want = await stepsOf(alone);
    const got = await stepsOf(`${folder}/${run}`);
    assertEquals(got.length, STEPS);
    for (const [step, numbers] of want.entries()) {
      for (const [place, number] of numbers.entries()) {
        const shift = Math.abs(got[step]![place]! / number - 1);
        assert(shift < 2e-3, `${name} ${step} ${place}: ${shift}`);
      }
    }
    const page = await Deno.readTextFile(`${folder}/${run}/report.html`);
    assertStringIncludes(page, "All 30 steps were made");
    const log = await Deno.readTextFile(`${folder}/${run}/metrics.jsonl`);
    const samples = log.match(/"event":"samples"/g)?.length ?? 0;
    assertEquals(samples, name === "small" ? 2 : 0);
    // What it saved is an adapter as any other.
    const evaluated = await runCaptured([
      ...["evaluate", `--model=${folder}/model`, `--adapter=${folder}/${run}`],
      ...[`--data=${folder}/${part}`, "--split=valid", "--device=cpu"],
      ...["--json", "--quiet"],
    ]);
    assertEquals(evaluated.code, 0, evaluated.error);
    const best = Math.min(
      ...got.map((numbers) => numbers[4]!).filter((loss) => loss >= 0),
    );
    const last = got.at(-1)![4]!;
    const { loss } = JSON.parse(evaluated.out);
    assert(Math.abs(loss / (name === "large" ? best : last) - 1) < 1e-4);
  }
});

Deno.test("adapters killed at several moments and resumed end with the bits of those that were not", async () => {
  await using prepared = await prepare();
  const { folder, config } = prepared;
  const start = (run: string, ...more: string[]) =>
    new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-prompt", `--allow-read=.,${folder}`],
        ...[`--allow-write=${folder}`, "--allow-env", MAIN, "train"],
        ...[`--config=${config}`, "--device=cpu", "--json"],
        ...[`--output=${folder}/${run}`, ...more],
      ],
      env: { WICK_BLAS: "off", NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  const text = new TextDecoder();
  // Both in one folder, so that the command line can name another.
  await Deno.writeTextFile(
    config,
    CONFIG(folder).replace(/^.*run-large\n/m, ""),
  );
  const whole = await start("whole").output();
  assertEquals(whole.code, 0, text.decode(whole.stderr));
  const uniform = uniformSource(5);
  for (let kill = 0; kill < 8; kill++) {
    const child = start("killed", "--resume");
    const reader = child.stdout.getReader();
    await reader.read();
    await new Promise((resolve) => setTimeout(resolve, 400 * uniform()));
    try {
      child.kill("SIGKILL");
    } catch (error) {
      // It was done already.
      if (!(error instanceof TypeError)) throw error;
    }
    await reader.cancel();
    await child.stderr.cancel();
    await child.status;
  }
  // As if the kill had come when one had saved a step and the other had not.
  const checkpoints = `${folder}/killed/large/checkpoints`;
  const names = await Array.fromAsync(
    Deno.readDir(checkpoints),
    ({ name }) => name,
  );
  const newest = names.filter((name) => name.startsWith("step-")).sort().at(-1);
  await Deno.remove(`${checkpoints}/${newest}`, { recursive: true });
  const rest = await start("killed", "--resume").output();
  assertEquals(rest.code, 0, text.decode(rest.stderr));
  assertStringIncludes(text.decode(rest.stderr), "going on after step");
  for (const name of ["small", "large"]) {
    const [want, got] = [`${folder}/whole/${name}`, `${folder}/killed/${name}`];
    assertEquals(await stepsOf(got), await stepsOf(want));
    for (const file of [ADAPTER, `best/${ADAPTER}`]) {
      assertEquals(
        await Deno.readFile(`${got}/${file}`),
        await Deno.readFile(`${want}/${file}`),
        `${name}/${file}`,
      );
    }
  }
});

Deno.test("adapters that are stopped save, and go on", async () => {
  await using prepared = await prepare();
  const { folder, config } = prepared;
  const stop = new AbortController();
  const line = ["train", `--config=${config}`, "--device=cpu", "--json"];
  let events = 0;
  const first = await runCaptured(line, {
    signal: stop.signal,
    out: () => void (++events === 10 && stop.abort()),
  });
  assertEquals(first.code, 130, first.error);
  assertStringIncludes(first.error, "stopped after step 5 of 30");
  const refused = await runCaptured(line);
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.error, "--resume goes on with it");
  const rest = await runCaptured([...line, "--resume"]);
  assertEquals(rest.code, 0, rest.error);
  assertEquals((await stepsOf(`${folder}/run/small`)).length, STEPS);
  assertEquals(rest.out.match(/"event":"saved"/g)?.length, 2);
});

for (
  const [what, change, says] of [
    [
      "an adapter whose name is no folder's",
      (text: string) => text.replace("name: small", 'name: "a/b"'),
      'an adapter has the name "a/b"',
    ],
    [
      "two adapters of one name",
      (text: string) => text.replace("name: small", "name: large"),
      'two adapters have the name "large"',
    ],
    [
      "an option of one adapter that is of all",
      (text: string) => text.replace("rank: 2", "steps: 2"),
      '"steps" of "small" is the same for all adapters',
    ],
    [
      "a value of one adapter that is none",
      (text: string) => text.replace("rank: 2", "rank: 0"),
      'wick cannot take "0" as rank',
    ],
    [
      "no adapters",
      (text: string) => text.replace(/adapters:[^]*/, "adapters: []"),
      '"adapters" must be a list of at least one',
    ],
    [
      "two adapters in one folder",
      (text: string) => text.replace("run-large", "run/small"),
      'Cannot train "small" and "large" in',
    ],
    [
      "packed rows",
      (text: string) => text.replace("steps:", "pack: true\nsteps:"),
      'Cannot train "small" beside other adapters with --pack',
    ],
  ] as const
) {
  Deno.test(`a config of several adapters with ${what} is refused`, async () => {
    await using prepared = await prepare(change);
    const { code, error } = await runCaptured([
      ...["train", `--config=${prepared.config}`, "--device=cpu"],
    ]);
    assertEquals(code === 0, false);
    assertStringIncludes(error, says);
  });
}
