import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { TEST_DEVICES } from "@wick/testing";
import { runCaptured } from "./run_captured.ts";

const MODEL = "examples/tickets/base-model";

/** Makes a data set of a few examples. */
async function smallData(folder: string): Promise<string> {
  const data = `${folder}/data`;
  await Deno.mkdir(data);
  for (const [split, count] of [["train", 8], ["valid", 4], ["test", 4]]) {
    const text = await Deno.readTextFile(`${MODEL}/${split}.jsonl`);
    const lines = text.split("\n").slice(0, Number(count));
    await Deno.writeTextFile(`${data}/${split}.jsonl`, lines.join("\n"));
  }
  return data;
}

for (const { name, ignore } of TEST_DEVICES) {
  const device = `--device=${name}`;

  Deno.test(`wick trains, generates and evaluates on ${name}`, {
    ignore,
  }, async () => {
    const folder = await Deno.makeTempDir();
    const data = await smallData(folder);
    const adapter = `${folder}/new/adapter`;
    const trained = await runCaptured([
      ...["train", `--model=${MODEL}`, `--data=${data}`],
      ...[`--output=${adapter}`, "--rank=4", "--steps=3", "--batch-size=4"],
      ...["--learning-rate=1e-2", "--target-modules=q_proj,v_proj"],
      device,
    ]);
    assertEquals(trained.code, 0, trained.error);
    assertEquals(trained.out, "");
    assertStringIncludes(trained.error, "8 layers adapted");
    assertMatch(
      trained.error,
      /\nstep 1\/3 {2}loss \d\.\d{4} {2}learning rate 1\.00e-2 {2}\d+ tokens\/s {2}(\d+m)?\d+s left\n/,
    );
    assertMatch(trained.error, /validation loss \d\.\d{4} after step 3\n/);
    assertStringIncludes(trained.error, `adapter saved in ${adapter}\n`);

    const generate = [
      ...["generate", `--model=${MODEL}`, `--adapter=${adapter}`],
      ...["--prompt=Request: call the painter Ticket:", "--max-new-tokens=5"],
      ...[device, "--quiet"],
    ];
    const plain = await runCaptured(generate);
    assertEquals([plain.code, plain.error], [0, ""]);
    const json = await runCaptured([...generate, "--json"]);
    const { text, tokens } = JSON.parse(json.out);
    assertEquals(plain.out, `${text}\n`);
    assertEquals(tokens <= 5, true);
    const sampled = [...generate, "--temperature=2", "--seed=7"];
    assertEquals(
      (await runCaptured(sampled)).out,
      (await runCaptured(sampled)).out,
    );

    const evaluated = await runCaptured([
      ...["evaluate", `--model=${MODEL}`, `--adapter=${adapter}`],
      ...[`--data=${data}`, "--exact-match", "--max-new-tokens=4"],
      ...["--json", "--quiet", device],
    ]);
    assertEquals([evaluated.code, evaluated.error], [0, ""]);
    const report = JSON.parse(evaluated.out);
    assertEquals(report.examples, 4);
    assertEquals(report.exactMatch, { right: 0, of: 4 });
    assertEquals(
      Math.abs(Math.log(report.perplexity) - report.loss) < 1e-9,
      true,
    );

    const inspected = await runCaptured(["inspect", adapter, "--json"]);
    const found = JSON.parse(inspected.out);
    assertEquals([found.kind, found.config.rank], ["adapter", 4]);
    assertEquals(found.tensors.length, 16);
    await Deno.remove(folder, { recursive: true });
  });

  Deno.test(`wick doctor checks ${name}`, { ignore }, async () => {
    const { code, out } = await runCaptured(["doctor", device, "--quiet"]);
    assertEquals(code, 0);
    assertStringIncludes(out, `device`);
    for (const part of ["matmul", "softmax", "LoRA gradient"]) {
      assertMatch(out, new RegExp(`${part} +right, off by \\d`));
    }
    const json = await runCaptured(["doctor", device, "--quiet", "--json"]);
    const report = JSON.parse(json.out);
    assertEquals([report.device.name, report.passed], [name, true]);
    assertEquals(report.tests.length, 3);
  });
}

Deno.test("wick train --json gives an event a line, all options in use", async () => {
  const folder = await Deno.makeTempDir();
  const data = await smallData(folder);
  const { code, out, error } = await runCaptured([
    ...["train", `--model=${MODEL}`, `--data=${data}`],
    ...[`--output=${folder}/adapter`, "--steps=2", "--batch-size=2"],
    ...["--alpha=4", "--dropout=0.1", "--gradient-accumulation=2"],
    ...["--schedule=cosine", "--warmup-steps=1", "--weight-decay=0.1"],
    ...["--max-gradient-norm=0", "--seed=3", "--max-length=70"],
    ...["--evaluate-every=1", "--json", "--quiet", "--device=cpu"],
    ...["--dora", "--init=gaussian"],
  ]);
  const written = JSON.parse(
    await Deno.readTextFile(`${folder}/adapter/adapter_config.json`),
  );
  assertEquals(
    [written.use_dora, written.init_lora_weights],
    [true, "gaussian"],
  );
  await Deno.remove(folder, { recursive: true });
  assertEquals([code, error], [0, ""]);
  const events = out.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(events.map(({ event }) => event), ["step", "step", "saved"]);
  for (const { validationLoss, loss } of events) {
    assertEquals(validationLoss > 0 && loss > 0, true);
  }
  assertEquals(events.at(-1).adapter, `${folder}/adapter`);
});

Deno.test("wick inspect lists the tensors of a model and of a file", async () => {
  const model = await runCaptured(["inspect", MODEL]);
  assertEquals(model.code, 0);
  assertMatch(model.out, /^model +examples\/tickets\/base-model\n/);
  assertMatch(model.out, /\nnumbers +869504\n/);
  assertMatch(model.out, /\nmodel\.norm\.weight +F16 +\[128\]\n/);
  const encoder = await runCaptured([
    "inspect",
    "testdata/conformance/embeddings/tiny-bert",
    "--json",
  ]);
  assertEquals(JSON.parse(encoder.out).config.modelType, "bert");
  const file = await runCaptured([
    "inspect",
    `${MODEL}/model.safetensors`,
    "--json",
  ]);
  const { kind, tensors, parameters } = JSON.parse(file.out);
  assertEquals([kind, tensors.length, parameters], ["safetensors", 38, 869504]);
});

Deno.test("wick train stops when it is told to and keeps what it has", async () => {
  const folder = await Deno.makeTempDir();
  const stop = new AbortController();
  let messages = "";
  const { code, error } = await runCaptured([
    ...["train", `--model=${MODEL}`, `--data=${MODEL}`],
    ...[`--output=${folder}/adapter`, "--steps=50", "--batch-size=1"],
    ...["--log-every=1", "--device=cpu", "--max-length=64"],
  ], {
    signal: stop.signal,
    error(text) {
      if (text.startsWith("step 2/")) stop.abort();
      messages += text;
    },
  });
  const inspected = await runCaptured(["inspect", `${folder}/adapter`]);
  await Deno.remove(folder, { recursive: true });
  assertEquals([code, error, inspected.code], [130, "", 0]);
  assertStringIncludes(messages, "wick: stopped after step 2 of 50");
});
