import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runCaptured } from "./run_captured.ts";

const MODEL = "examples/tickets/base-model";
const PROMPT = "Request: call the painter Ticket:";

async function trainedAdapter(folder: string): Promise<string> {
  const data = `${folder}/data`;
  await Deno.mkdir(data);
  const text = await Deno.readTextFile(`${MODEL}/train.jsonl`);
  const lines = text.split("\n").slice(0, 8);
  await Deno.writeTextFile(`${data}/train.jsonl`, lines.join("\n"));
  const output = `${folder}/adapter`;
  const { code, error } = await runCaptured([
    ...["train", `--model=${MODEL}`, `--data=${data}`, `--output=${output}`],
    ...["--rank=8", "--steps=3", "--batch-size=4", "--learning-rate=1e-2"],
    ...["--device=cpu", "--quiet"],
  ]);
  assertEquals([code, error], [0, ""]);
  return output;
}

async function generated(model: string, adapter?: string): Promise<string> {
  const { code, out, error } = await runCaptured([
    ...["generate", `--model=${model}`, `--prompt=${PROMPT}`],
    ...["--max-new-tokens=6", "--device=cpu", "--quiet"],
    ...(adapter === undefined ? [] : [`--adapter=${adapter}`]),
  ]);
  assertEquals([code, error], [0, ""]);
  return out;
}

Deno.test("wick converts and merges an adapter that it trained", async () => {
  const folder = await Deno.makeTempDir();
  const adapter = await trainedAdapter(folder);
  const want = await generated(MODEL, adapter);
  const [mlx, peft] = [`${folder}/mlx`, `${folder}/peft`];
  const to = async (from: string, output: string, tool: string) =>
    await runCaptured([
      ...["convert", `--model=${MODEL}`, `--adapter=${from}`],
      ...[`--output=${output}`, `--to=${tool}`, "--device=cpu"],
    ]);
  const there = await to(adapter, mlx, "mlx");
  assertEquals(there.code, 0, there.error);
  assertStringIncludes(there.error, `28 layers, adapter for mlx in ${mlx}\n`);
  assertEquals(await generated(MODEL, mlx), want);
  const inspected = await runCaptured(["inspect", mlx, "--json"]);
  const { kind, config, tensors, unusual } = JSON.parse(inspected.out);
  assertEquals([kind, config.alpha, tensors.length], ["adapter", 16, 56]);
  assertMatch(unusual.join(), /^the format of mlx-lm/);
  assertMatch(
    (await runCaptured(["inspect", adapter])).out,
    /\nvLLM, llama.cpp +plain LoRA of a usual rank, which every tool takes\n/,
  );
  assertEquals((await to(mlx, peft, "peft")).code, 0);
  assertEquals(
    await Deno.readFile(`${peft}/adapter_model.safetensors`),
    await Deno.readFile(`${adapter}/adapter_model.safetensors`),
  );

  // Half of it twice is all of it.
  const halves = await runCaptured([
    ...["convert", `--model=${MODEL}`, `--output=${folder}/both`, "--to=peft"],
    ...[`--adapter=${adapter}`, `--adapter=${mlx}`, "--weights=0.5,0.5"],
    "--device=cpu",
  ]);
  assertEquals(halves.code, 0, halves.error);
  assertEquals(await generated(MODEL, `${folder}/both`), want);

  const merged = `${folder}/merged`;
  const merge = [
    ...["merge", `--model=${MODEL}`, `--adapter=${mlx}`],
    ...[`--output=${merged}`, "--device=cpu"],
  ];
  const written = await runCaptured(merge);
  assertEquals(written.code, 0, written.error);
  assertStringIncludes(written.error, `28 layers merged, model in ${merged}\n`);
  assertEquals(await generated(merged), want);
  const again = await runCaptured([...merge, "--quiet", "--json"]);
  assertEquals(again.code, 1);
  assertStringIncludes(again.error, "files, name a new folder");
  const { out } = await runCaptured(["inspect", merged]);
  assertMatch(out, /\nmodel\.layers\.0\.mlp\.up_proj\.weight +F16 /);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("wick merge and convert name what is wrong", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/precious.txt`, "");
  const common = [`--model=${MODEL}`, "--adapter=nowhere"];
  for (
    const [args, code, message] of [
      [["merge", ...common], 2, "Cannot do without --output"],
      [["convert", ...common, "--output=x"], 2, "Cannot do without --to"],
      [
        ["merge", ...common.slice(0, 1), "--output=x"],
        2,
        "Cannot do without --adapter",
      ],
      [
        ["merge", ...common, "--output=x", "--weights=1"],
        2,
        "Cannot combine one adapter",
      ],
      [
        ["merge", ...common, ...common, "--output=x", "--weights=1,"],
        2,
        'Cannot take "1," as --weights: it must be 2 numbers',
      ],
      [
        ["merge", ...common, `--output=${folder}`],
        1,
        "it holds 1 files, name a new folder",
      ],
      [
        ["convert", ...common, `--output=${folder}`, "--to=mlx"],
        1,
        "it holds 1 files that are no adapter, name a new folder",
      ],
      [
        ["merge", ...common, `--output=${folder}/new`, "--quiet"],
        1,
        "Cannot read nowhere/adapter_config.json",
      ],
    ] as const
  ) {
    const result = await runCaptured(args);
    assertStringIncludes(result.error, message);
    assertEquals(result.code, code);
  }
  await Deno.remove(folder, { recursive: true });
});
