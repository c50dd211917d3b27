import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runCaptured } from "./run_captured.ts";

const MODEL = "examples/tickets/base-model";
const PROMPT = "Request: call the painter Ticket:";

async function succeed(...args: string[]): Promise<string> {
  const { code, out, error } = await runCaptured([...args, "--quiet"]);
  assertEquals([code, error], [0, ""]);
  return out;
}

/** The lines of `--json` output. */
function events(out: string): Record<string, unknown>[] {
  return out.trim().split("\n").map((line) => JSON.parse(line));
}

Deno.test("wick quantizes a model, tells the error, and runs and trains on it", async () => {
  const folder = await Deno.makeTempDir();
  const four = `${folder}/four`;
  const out = await succeed(
    ...["quantize", `--model=${MODEL}`, `--output=${four}`, "--json"],
  );
  const layers = events(out).filter(({ event }) => event === "layer");
  const whole = events(out).at(-1)!;
  // 352 features are no whole groups of 64, so down_proj stays as it is.
  assertEquals([layers.length, whole["layers"]], [25, 25]);
  assertEquals([whole["bits"], whole["groupSize"]], [4, 64]);
  for (const { path, relativeError, bytes, floatBytes } of [...layers, whole]) {
    const error = Number(relativeError);
    assert(error > 0.05 && error < 0.12, `${path}: ${error}`);
    assert(Number(bytes) < 0.5 * Number(floatBytes));
  }

  const inspected = JSON.parse(await succeed("inspect", four, "--json"));
  const before = JSON.parse(await succeed("inspect", MODEL, "--json"));
  assertEquals(inspected.parameters, before.parameters);
  assertEquals(inspected.bytes, whole["bytes"]);
  assertEquals(inspected.config.quantization.bits, 4);
  assertEquals(inspected.metadata.format, "mlx");

  const generate = [
    ...["generate", `--prompt=${PROMPT}`, "--max-new-tokens=6"],
    "--device=cpu",
  ];
  assertEquals(
    await succeed(...generate, `--model=${four}`),
    await succeed(...generate, `--model=${MODEL}`, "--quantize=4"),
  );

  const [adapter, merged] = [`${folder}/adapter`, `${folder}/merged`];
  const train = await succeed(
    ...["train", `--model=${MODEL}`, `--data=${MODEL}`, "--quantize=4"],
    ...[`--output=${adapter}`, "--steps=8", "--batch-size=4"],
    ...["--learning-rate=1e-2", "--device=cpu", "--json"],
  );
  const losses = events(train).filter(({ event }) => event === "step")
    .map(({ loss }) => Number(loss));
  assert(losses.at(-1)! < 0.8 * losses[0]!, `${losses}`);
  await succeed(
    ...["merge", `--model=${four}`, `--adapter=${adapter}`],
    ...[`--output=${merged}`, "--quantize=8", "--device=cpu"],
  );
  const { config } = JSON.parse(await succeed("inspect", merged, "--json"));
  assertEquals(config.quantization.bits, 8);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("wick says what it cannot quantize", async () => {
  const folder = await Deno.makeTempDir();
  const quantize = ["quantize", `--model=${MODEL}`, `--output=${folder}/a`];
  const cases: readonly [string[], number, string][] = [
    [
      [...quantize, "--bits=3"],
      2,
      'Cannot take "3" as --bits: it must be 4, 8',
    ],
    [
      [...quantize, "--group-size=16"],
      2,
      'Cannot take "16" as --group-size: it must be 32, 64, 128',
    ],
    [
      ["generate", `--model=${MODEL}`, "--prompt=a", "--group-size=32"],
      2,
      "Cannot take --group-size without --quantize",
    ],
  ];
  for (const [args, code, message] of cases) {
    const got = await runCaptured(args);
    assertEquals(got.code, code, got.error);
    assertStringIncludes(got.error, message);
  }
  await succeed(...quantize);
  const again = await runCaptured([
    ...["quantize", `--model=${folder}/a`, `--output=${folder}/b`],
  ]);
  assertEquals(again.code, 1);
  assertStringIncludes(again.error, "is quantized already");
  assertStringIncludes(again.error, `${folder}/a`);
  await Deno.remove(folder, { recursive: true });
});
