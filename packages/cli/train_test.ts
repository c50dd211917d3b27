import { openModelFiles, toFloat32 } from "@wick/models";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { runCaptured } from "./run_captured.ts";
import { writeTinyModel } from "./tiny_model.ts";

const DATA = "examples/tickets/base-model";

interface Prepared extends AsyncDisposable {
  readonly folder: string;
  /** Runs `wick train` on it. */
  train(...more: string[]): ReturnType<typeof runCaptured>;
}

async function prepare(
  changes: Readonly<Record<string, unknown>> = {},
): Promise<Prepared> {
  const folder = await Deno.makeTempDir();
  await writeTinyModel(`${folder}/model`, changes);
  await Deno.mkdir(`${folder}/data`);
  for (const [name, count] of [["train", 8], ["valid", 3]] as const) {
    const text = await Deno.readTextFile(`${DATA}/${name}.jsonl`);
    await Deno.writeTextFile(
      `${folder}/data/${name}.jsonl`,
      text.split("\n").slice(0, count).join("\n"),
    );
  }
  return {
    folder,
    train: (...more) =>
      runCaptured([
        ...["train", `--model=${folder}/model`, `--data=${folder}/data`],
        ...["--device=cpu", "--batch-size=2", "--steps=4", "--samples=0"],
        ...[`--output=${folder}/run`, "--learning-rate=1e-2", ...more],
      ]),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

Deno.test("full fine-tuning writes a model that wick loads, in the base's types", async () => {
  await using prepared = await prepare({ "num_hidden_layers": 2 });
  const { folder } = prepared;
  const { code, error } = await prepared.train(
    "--fine-tune-type=full",
    "--num-layers=1",
  );
  assertEquals(code, 0, error);
  assertStringIncludes(error, "weights trained");
  assertStringIncludes(error, `model saved in ${folder}/run`);
  using before = await openModelFiles(`${folder}/model`);
  using after = await openModelFiles(`${folder}/run`);
  assertEquals(after.names().sort(), before.names().sort());
  for (const name of before.names()) {
    const [old, now] = [await before.read(name), await after.read(name)];
    assertEquals([now.dtype, now.shape], [old.dtype, old.shape]);
    const same = toFloat32(old).every((value, i) =>
      value === toFloat32(now)[i]
    );
    assertEquals(same, !name.includes(".layers.1."), name);
  }
  const evaluated = await runCaptured([
    ...["evaluate", `--model=${folder}/run`, `--data=${folder}/data`],
    ...["--split=valid", "--device=cpu", "--json", "--quiet"],
  ]);
  assertEquals(evaluated.code, 0, evaluated.error);
});

Deno.test("full fine-tuning trains embedding and tied head, and goes on with the same bits", async () => {
  await using prepared = await prepare();
  const { folder } = prepared;
  const whole = await prepared.train(
    "--fine-tune-type=full",
    "--save-every=1",
    "--keep-checkpoints=9",
    `--output=${folder}/whole`,
  );
  assertEquals(whole.code, 0, whole.error);
  const weights = (run: string) =>
    Deno.readFile(`${folder}/${run}/model.safetensors`);
  for (const step of ["3", "4"]) {
    await Deno.remove(`${folder}/whole/checkpoints/step-0000000${step}`, {
      recursive: true,
    });
  }
  const want = await weights("whole");
  const rest = await prepared.train(
    "--fine-tune-type=full",
    "--resume",
    `--output=${folder}/whole`,
  );
  assertEquals(rest.code, 0, rest.error);
  assertStringIncludes(rest.error, "going on after step 2");
  assertEquals(await weights("whole"), want);
});

Deno.test("what was cut and left out is said", async () => {
  await using prepared = await prepare();
  const { code, error } = await prepared.train("--max-length=40", "--pack");
  assertEquals(code, 0, error);
  assertMatch(
    error,
    /train\.jsonl: \d examples, \d+ tokens, the longest 40; \d cut, by \d+ tokens/,
  );
});

Deno.test("early stopping keeps the best adapter", async () => {
  await using prepared = await prepare();
  const { folder } = prepared;
  const { code, error, out } = await prepared.train(
    ...["--steps=60", "--learning-rate=3", "--schedule=constant"],
    ...["--evaluate-every=1", "--patience=2", "--json", "--quiet"],
  );
  assertEquals([code, error], [0, ""]);
  const { best, steps } = JSON.parse(out.trim().split("\n").at(-1)!);
  assertEquals(steps, best.step + 2);
  const file = "adapter_model.safetensors";
  assertEquals(
    await Deno.readFile(`${folder}/run/${file}`),
    await Deno.readFile(`${folder}/run/best/${file}`),
  );
});

Deno.test("a run that was not finished is neither lost nor mixed with another", async () => {
  await using prepared = await prepare();
  const { folder } = prepared;
  const stop = new AbortController();
  const line = [
    ...["train", `--model=${folder}/model`, `--data=${folder}/data`],
    ...["--device=cpu", "--steps=50", "--samples=0", "--json"],
    `--output=${folder}/run`,
  ];
  const first = await runCaptured(line, {
    signal: stop.signal,
    out: () => stop.abort(),
  });
  assertEquals(first.code, 130);
  const refused = await prepared.train();
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.error, "--resume goes on with it");
  const other = await prepared.train("--resume", "--rank=3");
  assertEquals(other.code, 1);
  assertStringIncludes(other.error, "rank 3 does not fit it");
  await Deno.writeTextFile(
    `${folder}/data/train.jsonl`,
    '{"prompt": "a", "completion": "b"}\n',
  );
  const data = await prepared.train("--resume");
  assertEquals(data.code, 1);
  assertStringIncludes(data.error, "made on other data");
  const anew = await prepared.train("--overwrite");
  assertEquals(anew.code, 0, anew.error);
});

Deno.test("a loss that is no number leaves the last good checkpoint, and says so", async () => {
  await using prepared = await prepare();
  const { folder } = prepared;
  const good = await prepared.train("--save-every=2");
  assertEquals(good.code, 0, good.error);
  const bad = await prepared.train(
    ...["--resume", "--steps=8", "--learning-rate=1e38"],
    ...["--schedule=constant", "--quiet"],
  );
  assertEquals(bad.code, 1);
  assertMatch(bad.error, /^wick: Cannot train on from step \d: [^\n]+\n$/);
  assertStringIncludes(bad.error, "not finite");
  assertStringIncludes(bad.error, "checkpoints/step-00000004 is the last good");
  const again = await prepared.train("--resume", "--steps=6");
  assertEquals(again.code, 0, again.error);
  assert((await Deno.stat(`${folder}/run/report.html`)).isFile);
});

Deno.test("an output that cannot be written is said in one line", async () => {
  await using prepared = await prepare();
  const { folder } = prepared;
  await Deno.writeTextFile(`${folder}/file`, "");
  const { code, error } = await prepared.train(
    `--output=${folder}/file/run`,
    "--quiet",
  );
  assertEquals(code, 1);
  assertMatch(
    error,
    /^wick: Cannot write [^\n]+ a part of the path is not a folder\n$/,
  );
});
