import { MPI_LAUNCHERS } from "@wick/testing/mpi";
import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { writeTinyModel } from "./tiny_model.ts";

const MAIN = new URL("./main.ts", import.meta.url).pathname;
const DATA = "examples/tickets/base-model";
const WICK = ["run", "--no-prompt", "--quiet", "-A", MAIN];
const ENV = { WICK_BLAS: "off", WICK_DEVICE: "cpu" };

const [launcher] = MPI_LAUNCHERS;

async function prepare(): Promise<string> {
  const folder = await Deno.makeTempDir();
  await writeTinyModel(`${folder}/model`);
  await Deno.mkdir(`${folder}/data`);
  for (const [name, count] of [["train", 9], ["valid", 4]] as const) {
    const text = await Deno.readTextFile(`${DATA}/${name}.jsonl`);
    await Deno.writeTextFile(
      `${folder}/data/${name}.jsonl`,
      text.split("\n").slice(0, count).join("\n"),
    );
  }
  return folder;
}

function trainArguments(folder: string, output: string, ...more: string[]) {
  return [
    ...[...WICK, "train", `--model=${folder}/model`, `--data=${folder}/data`],
    ...[`--output=${folder}/${output}`, "--batch-size=4", "--rank=4"],
    ...["--gradient-accumulation=2", "--steps=12", "--evaluate-every=4"],
    ...["--learning-rate=1e-2", "--samples=1", "--save-every=3", "--json"],
    ...more,
  ];
}

async function losses(folder: string, output: string): Promise<number[]> {
  const text = await Deno.readTextFile(`${folder}/${output}/metrics.jsonl`);
  return text.trim().split("\n").map((line) => JSON.parse(line))
    .filter(({ event }) => event === "step")
    .flatMap(({ loss, validationLoss }) =>
      validationLoss === null ? [loss] : [loss, validationLoss]
    );
}

function assertAlike(
  actual: readonly number[],
  expected: readonly number[],
  tolerance = 1e-5,
) {
  assertEquals(actual.length, expected.length);
  for (const [place, value] of expected.entries()) {
    assertEquals(Math.abs(actual[place]! / value - 1) < tolerance, true);
  }
}

Deno.test({
  name: "wick train on two ranks is wick train, and goes on with three",
  ignore: launcher!.ignore,
  async fn() {
    const folder = await prepare();
    const options = { env: ENV };
    const alone = await launcher!.run(
      1,
      trainArguments(folder, "one"),
      options,
    );
    assertEquals(alone.code, 0, alone.error);
    const expected = await losses(folder, "one");
    assertEquals(expected.length, 15);

    const two = await launcher!.run(2, trainArguments(folder, "two"), options);
    assertEquals(two.code, 0, two.error);
    assertAlike(await losses(folder, "two"), expected);
    // One rank prints for all.
    assertEquals(two.out.match(/"event":"saved"/g)?.length, 1);

    const rounded = await launcher!.run(
      2,
      trainArguments(folder, "rounded", "--exchange=bf16"),
      options,
    );
    assertEquals(rounded.code, 0, rounded.error);
    const adapter = (run: string) =>
      Deno.readFile(`${folder}/${run}/adapter_model.safetensors`);
    assertNotEquals(await adapter("rounded"), await adapter("two"));
    assertAlike(await losses(folder, "rounded"), expected, 1e-3);

    const half = await launcher!.run(
      2,
      trainArguments(folder, "half", "--steps=6", "--schedule=constant"),
      options,
    );
    assertEquals(half.code, 0, half.error);
    await removeNewest(`${folder}/half/checkpoints`);
    const rest = await launcher!.run(3, [
      ...[...WICK, "train", `--output=${folder}/half`, "--resume"],
    ], options);
    assertEquals(rest.code, 0, rest.error);
    const whole = await launcher!.run(
      1,
      trainArguments(folder, "whole", "--steps=6", "--schedule=constant"),
      options,
    );
    assertEquals(whole.code, 0, whole.error);
    assertAlike(await losses(folder, "half"), await losses(folder, "whole"));
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  name: "a rank that is killed ends the job, its last checkpoint is good",
  ignore: launcher!.ignore || Deno.build.os !== "linux",
  async fn() {
    const folder = await prepare();
    const args = trainArguments(folder, "run", "--steps=400", "--save-every=5");
    const job = launcher!.run(2, args, { env: ENV });
    const checkpoints = `${folder}/run/checkpoints`;
    while (!await hasStep(checkpoints)) await pause(50);
    const victim = await processOf(folder);
    const began = performance.now();
    Deno.kill(victim, "SIGKILL");
    const { code } = await job;
    assertEquals(code === 0, false);
    assertEquals(performance.now() - began < 15_000, true);
    const rest = await launcher!.run(1, [
      ...[...WICK, "train", `--output=${folder}/run`, "--resume"],
      ...["--steps=400", "--json"],
    ], { env: ENV });
    assertEquals(rest.code, 0, rest.error);
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  name: "an error of a rank is told with its rank, and ends the job",
  ignore: launcher!.ignore,
  async fn() {
    const { code, error } = await launcher!.run(2, [
      ...[...WICK, "train", "--model=nowhere", "--data=nowhere"],
      "--output=nowhere",
    ], { env: ENV });
    assertEquals(code === 0, false);
    assertMatch(error, /wick: rank [01] of 2 on \S+: Cannot read nowhere/);
  },
});

Deno.test({
  name: "wick evaluate on three ranks gives what one gives",
  ignore: launcher!.ignore,
  async fn() {
    const folder = await prepare();
    const args = [
      ...[...WICK, "evaluate", `--model=${folder}/model`, "--json"],
      ...[`--data=${folder}/data`, "--split=valid", "--exact-match"],
      "--max-new-tokens=8",
    ];
    const results = [];
    for (const ranks of [1, 3]) {
      const { out, error } = await launcher!.run(ranks, args, { env: ENV });
      assertEquals(out.trim().split("\n").length, 1, error);
      results.push(JSON.parse(out));
    }
    const [one, three] = results;
    assertAlike([three.loss, three.tokens], [one.loss, one.tokens]);
    assertEquals(three.exactMatch, one.exactMatch);
    await Deno.remove(folder, { recursive: true });
  },
});

async function removeNewest(folder: string): Promise<void> {
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  const newest = names.sort().at(-1)!;
  await Deno.remove(`${folder}/${newest}`, { recursive: true });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function hasStep(folder: string): Promise<boolean> {
  try {
    const names = await Array.fromAsync(
      Deno.readDir(folder),
      ({ name }) => name,
    );
    return names.some((name) => /^step-\d+$/.test(name));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}

/** A rank that trains in a folder. */
async function processOf(folder: string): Promise<number> {
  const { stdout } = await new Deno.Command("ps", {
    args: ["-eo", "pid=,comm=,args="],
  }).output();
  for (const line of new TextDecoder().decode(stdout).split("\n")) {
    const [, pid, program] = /^\s*(\d+) (\S+)/.exec(line) ?? [];
    if (program === "deno" && line.includes(folder)) return Number(pid);
  }
  throw new Error(`Cannot find a rank that trains in ${folder}`);
}
