import { uniformSource } from "@wick/models";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { writeTinyModel } from "./tiny_model.ts";

const MAIN = new URL("./main.ts", import.meta.url).pathname;
const DATA = "examples/tickets/base-model";
const STEPS = 60;
const KILLS = 20;

const ENVIRONMENT = { WICK_BLAS: "off", NO_COLOR: "1" };

/** The arguments of `deno` for `wick train`. */
function train(folder: string, output: string, ...more: string[]): string[] {
  return [
    ...["run", "--no-prompt", `--allow-read=.,${folder}`],
    ...[`--allow-write=${folder}`, "--allow-env", MAIN, "train"],
    ...[`--model=${folder}/model`, `--data=${folder}/data`],
    ...[`--output=${output}`, `--steps=${STEPS}`, "--save-every=3"],
    ...["--batch-size=2", "--gradient-accumulation=2", "--rank=4"],
    ...["--dropout=0.2", "--evaluate-every=7", "--samples=0", "--json"],
    ...["--learning-rate=1e-2", "--device=cpu", ...more],
  ];
}

/** Starts `wick train` as a process of its own. */
function start(folder: string, output: string, ...more: string[]) {
  return new Deno.Command(Deno.execPath(), {
    args: train(folder, output, ...more),
    env: ENVIRONMENT,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function prepare(): Promise<string> {
  const folder = await Deno.makeTempDir();
  await writeTinyModel(`${folder}/model`);
  await Deno.mkdir(`${folder}/data`);
  for (const [name, count] of [["train", 9], ["valid", 3]] as const) {
    const text = await Deno.readTextFile(`${DATA}/${name}.jsonl`);
    await Deno.writeTextFile(
      `${folder}/data/${name}.jsonl`,
      text.split("\n").slice(0, count).join("\n"),
    );
  }
  return folder;
}

Deno.test(`wick train killed at ${KILLS} moments and resumed ends with the bits of a run that was not`, async () => {
  const folder = await prepare();
  const whole = await start(folder, `${folder}/whole`).output();
  const text = new TextDecoder();
  assertEquals(whole.code, 0, text.decode(whole.stderr));
  const adapter = "adapter_model.safetensors";
  const want = await Deno.readFile(`${folder}/whole/${adapter}`);

  const uniform = uniformSource(11);
  const output = `${folder}/killed`;
  const reached = new Set<number>();
  for (let kill = 0; kill < KILLS; kill++) {
    const child = start(folder, output, "--resume");
    // At any moment: while it loads, trains, or writes a checkpoint. The time
    // begins with the first step, so that a slow machine makes steps too.
    const reader = child.stdout.getReader();
    if (kill % 5 !== 0) await reader.read();
    const delay = kill % 5 === 0 ? 600 * uniform() : 250 * uniform();
    await new Promise((resolve) => setTimeout(resolve, delay));
    try {
      child.kill("SIGKILL");
    } catch (error) {
      // It was done already.
      if (!(error instanceof TypeError)) throw error;
    }
    await reader.cancel();
    await child.stderr.cancel();
    await child.status;
    reached.add(await lastStep(output));
  }
  const rest = await start(folder, output, "--resume").output();
  assertEquals(rest.code, 0, text.decode(rest.stderr));
  // The kills fell all over the run, not only before the first checkpoint.
  assert(reached.size > 2, `${[...reached]}`);
  assertEquals(await Deno.readFile(`${output}/${adapter}`), want);
  assertEquals(
    await Deno.readFile(`${output}/best/${adapter}`),
    await Deno.readFile(`${folder}/whole/best/${adapter}`),
  );
  assertEquals(await losses(output), await losses(`${folder}/whole`));
  const left = await namesIn(`${output}/checkpoints`);
  assertEquals(left.filter((name) => name.startsWith(".")), []);
  await Deno.remove(folder, { recursive: true });
});

// A file that may not grow fails to be written as on a full disk, midway.
Deno.test({
  name:
    "wick train on a full disk keeps the last checkpoint, and goes on from it",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const folder = await prepare();
    const output = `${folder}/run`;
    const more = ["--schedule=constant", "--steps=12"];
    const early = await start(folder, output, ...more, "--steps=6").output();
    assertEquals(early.code, 0);
    assertEquals(await lastStep(output), 6);
    const ends = new Set<number>();
    for (const kibibytes of [1, 5, 6, 15, 16]) {
      const args = train(folder, output, ...more, "--resume");
      const limit = `trap '' XFSZ; ulimit -f ${kibibytes}; exec "$@"`;
      const { code, stderr } = await new Deno.Command("bash", {
        args: ["-c", limit, "bash", Deno.execPath(), ...args],
        env: ENVIRONMENT,
      }).output();
      const message = new TextDecoder().decode(stderr);
      ends.add(code);
      if (code !== 0) assertMatch(message, /^wick: Cannot write .+$/m);
      const unfinished = (await namesIn(output))
        .filter((name) => name.endsWith(".tmp"));
      assertEquals(unfinished, []);
    }
    assertEquals(ends, new Set([1, 0]));
    await start(folder, `${folder}/whole`, ...more).output();
    const adapter = "adapter_model.safetensors";
    assertEquals(
      await Deno.readFile(`${output}/${adapter}`),
      await Deno.readFile(`${folder}/whole/${adapter}`),
    );
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("wick train saves a checkpoint on Ctrl-C, exits with 130, and goes on", async () => {
  const folder = await prepare();
  const output = `${folder}/run`;
  const child = start(folder, output, "--save-every=1000");
  const reader = child.stdout.getReader();
  await reader.read();
  child.kill("SIGINT");
  while (!(await reader.read()).done);
  const message = await new Response(child.stderr).text();
  const { code } = await child.status;
  assertEquals(code, 130, message);
  assertStringIncludes(message, "--resume goes on");
  const step = await lastStep(output);
  assert(step > 0 && step < STEPS, `${step}`);
  const rest = await start(folder, output, "--resume").output();
  assertEquals(rest.code, 0);
  assertEquals((await losses(output)).length, STEPS);
  await Deno.remove(folder, { recursive: true });
});

function namesIn(folder: string): Promise<string[]> {
  return Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
}

async function lastStep(output: string): Promise<number> {
  let last = 0;
  try {
    for await (const { name } of Deno.readDir(`${output}/checkpoints`)) {
      last = Math.max(last, Number(/^step-(\d+)$/.exec(name)?.[1] ?? 0));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return last;
}

async function losses(output: string): Promise<[number, number][]> {
  const text = await Deno.readTextFile(`${output}/metrics.jsonl`);
  return text.trim().split("\n").map((line) => JSON.parse(line))
    .filter(({ event }) => event === "step")
    .map(({ step, loss }) => [step, loss]);
}
