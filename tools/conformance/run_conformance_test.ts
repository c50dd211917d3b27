import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { openDevice } from "@wick/async-exec";
import { type NamedTensor, writeSafetensors } from "@wick/models";
import { runConformance } from "./run_conformance.ts";

function f32(name: string, values: number[], shape = [values.length]) {
  const bytes = new Uint8Array(Float32Array.from(values).buffer);
  return { name, dtype: "F32", shape, bytes } satisfies NamedTensor;
}

const BOUND = { rtol: 1e-4, atol: 1e-4 };

/** Products of a and b, by what the golden file says of them. */
const PRODUCTS = {
  right: { output: [8, -15], gradientOfA: [8, 50] },
  "wrong output": { output: [8, 15], gradientOfA: [8, 50] },
  "wrong gradient": { output: [8, -15], gradientOfA: [8, 51] },
  "wanted NaN": { output: [8, NaN], gradientOfA: [8, 50] },
};

async function goldenFolder(): Promise<string> {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/ops`);
  for (const [name, { output, gradientOfA }] of Object.entries(PRODUCTS)) {
    await writeSafetensors(`${folder}/ops/${name}.safetensors`, [
      f32("a", [2, -3]),
      f32("b", [4, 5]),
      f32("output", output),
      f32("grad_output", [2, 10]),
      f32("grad.a", gradientOfA),
      f32("grad.b", [4, -30]),
    ]);
  }
  await writeSafetensors(`${folder}/ops/shape.safetensors`, [
    f32("x", [1, 2, 3, 4], [2, 2]),
    f32("output", [1, 2, 3, 4], [4]),
  ]);
  const product = { op: "mul", params: {}, inputs: ["a", "b"], ...BOUND };
  const unary = { params: {}, inputs: ["x"], "has_grad": false, ...BOUND };
  await Deno.writeTextFile(
    `${folder}/ops/manifest.json`,
    JSON.stringify([
      ...Object.keys(PRODUCTS).map((name) => ({
        name,
        "has_grad": true,
        ...product,
      })),
      { name: "unknown", op: "fold_laundry", ...unary },
      { name: "missing", op: "exp", ...unary },
      { name: "shape", op: "abs", ...unary },
      { name: "odd", op: "abs", ...unary, rtol: "much" },
    ]),
  );
  return folder;
}

Deno.test("runConformance() passes what is right and fails all else", async () => {
  const folder = await goldenFolder();
  using device = await openDevice({ device: "cpu", announce: false });
  const seen: string[] = [];
  const report = await runConformance(folder, device, {
    onResult: ({ name }) => seen.push(name),
  });
  await Deno.remove(folder, { recursive: true });
  const of = (name: string) =>
    report.cases.find((result) => result.name === name)!;
  assertEquals(report.device, "cpu");
  assertEquals([report.passed, report.failed], [1, 7]);
  assertEquals(seen, report.cases.map(({ name }) => name));
  assertEquals(of("right"), {
    kind: "ops",
    name: "right",
    passed: true,
    maxAbsoluteError: 0,
    maxRelativeError: 0,
    message: "",
  });
  assertEquals(of("wrong output").maxAbsoluteError, 30);
  for (
    const [name, message] of [
      ["wrong output", "1 of 2 values of output are off, worst at 1"],
      ["wrong gradient", "1 of 2 values of grad.a are off, worst at 1"],
      ["wanted NaN", "got -15, want NaN"],
      ["unknown", 'Cannot run "fold_laundry"'],
      ["missing", "missing.safetensors"],
      ["shape", "output is [2,2] where [4] is wanted"],
      ["odd", '"rtol" is "much": it must be a number'],
    ] as const
  ) {
    assertEquals(of(name).passed, false);
    assertStringIncludes(of(name).message, message);
    assertEquals(of(name).message.includes("\n"), false);
  }
});

Deno.test("runConformance() goes on where a list cannot be read", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/ops`);
  await Deno.mkdir(`${folder}/models/empty`, { recursive: true });
  using device = await openDevice({ device: "cpu", announce: false });
  const { cases } = await runConformance(folder, device);
  await Deno.remove(folder, { recursive: true });
  assertEquals(cases.map(({ name, passed }) => [name, passed]), [
    ["ops", false],
    ["empty", false],
  ]);
  assertStringIncludes(cases[0]!.message, "ops/manifest.json");
});

Deno.test("runConformance() refuses a folder without cases", async () => {
  const folder = await Deno.makeTempDir();
  using device = await openDevice({ device: "cpu", announce: false });
  await assertRejects(
    () => runConformance(folder, device, { only: "models" }),
    RangeError,
    "Cannot find a case",
  );
  await Deno.remove(folder, { recursive: true });
});
