import { LoraAdapter, loraConfig, savePeftAdapter } from "@wick/lora";
import { CausalLanguageModel } from "@wick/models";
import { random, TEST_DEVICES } from "@wick/testing";
import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { ApiError } from "./api_error.ts";
import type { GenerationTask } from "./engine.ts";
import { WorkerEngine } from "./worker_engine.ts";

const MODEL = "examples/tickets/base-model";
const ENCODER = "testdata/conformance/embeddings/tiny-bert";
const NEVER = new AbortController().signal;

const folder = await Deno.makeTempDir();
globalThis.addEventListener(
  "unload",
  () => Deno.removeSync(folder, { recursive: true }),
);

/** Saves adapters that change what the model says. */
async function saveAdapters(): Promise<Record<"left" | "right", string>> {
  const device = await TEST_DEVICES[0]!.open();
  using model = await CausalLanguageModel.load(device, MODEL);
  const save = async (name: string, rank: number, seed: number) => {
    const config = loraConfig({ rank, alpha: 4 * rank });
    using adapter = LoraAdapter.inject(model, config, { seed });
    let next = seed;
    for (const { b } of adapter.layers.values()) {
      device.write(b, random(b.shape, next++).values);
    }
    await savePeftAdapter(adapter, `${folder}/${name}`);
    return `${folder}/${name}`;
  };
  return { left: await save("left", 4, 1), right: await save("right", 2, 100) };
}

const adapters = await saveAdapters();

function open(options: { rows?: number; queue?: number } = {}) {
  return WorkerEngine.open({
    model: MODEL,
    name: "base",
    adapters,
    embeddingModel: ENCODER,
    rows: 4,
    queue: 64,
    capacity: 96,
    device: "cpu",
    load: {},
    ...options,
  });
}

function task(model: string, prompt: string, seed = 0): GenerationTask {
  return {
    model,
    prompt: { kind: "text", text: prompt },
    maxNewTokens: 12,
    sampling: { temperature: seed === 0 ? 0 : 0.8 },
    seed,
    stop: [],
    logProbabilities: false,
  };
}

async function textOf(engine: WorkerEngine, wanted: GenerationTask) {
  let text = "";
  for await (const event of engine.generate(wanted, NEVER)) {
    if (event.kind === "piece") text += event.text;
  }
  return text;
}

Deno.test("texts made together, with their adapters, are those made alone", async () => {
  await using engine = await open();
  const tasks = ["base", "left", "right"].flatMap((model, number) =>
    ["Request: call", "Request: the painter on monday", "Keys:", "a"].map(
      (prompt, place) => task(model, prompt, place % 2 * (number + place)),
    )
  );
  const together = await Promise.all(tasks.map((one) => textOf(engine, one)));
  for (const [index, one] of tasks.entries()) {
    assertEquals(await textOf(engine, one), together[index]);
  }
  assertNotEquals(together[0], together[4]);
  assertNotEquals(together[4], together[8]);
  const { running, waiting, tokens } = await engine.statistics();
  assertEquals([running, waiting], [0, 0]);
  assertEquals(tokens > 100, true);
});

Deno.test("a full queue refuses", async () => {
  await using engine = await open({ rows: 1, queue: 1 });
  const all = await Promise.allSettled(
    Array.from({ length: 20 }, () => textOf(engine, task("base", "Keys:"))),
  );
  const refused = all.filter(({ status }) => status === "rejected");
  assertNotEquals(refused.length, 0);
  for (const result of refused) {
    await assertRejects(
      () => Promise.reject(Reflect.get(result, "reason")),
      ApiError,
      "Cannot take more",
    );
  }
  const texts = all.flatMap((result) =>
    result.status === "fulfilled" ? [result.value] : []
  );
  assertNotEquals(texts.length, 0);
  assertEquals(new Set(texts).size, 1);
});

Deno.test("who leaves makes room", async () => {
  await using engine = await open({ rows: 1, queue: 1 });
  const long = { ...task("base", "Keys:"), maxNewTokens: 90 };
  const stop = new AbortController();
  const first = engine.generate(long, stop.signal);
  const started = first.next();
  const second = textOf(engine, task("base", "b"));
  assertEquals((await started).value?.kind, "start");
  await first.return(undefined);
  assertEquals((await second).length > 0, true);
  const third = engine.generate(long, stop.signal);
  await third.next();
  stop.abort();
  await assertRejects(async () => {
    for await (const _ of third);
  }, DOMException);
  assertEquals((await textOf(engine, task("base", "d"))).length > 0, true);
});

Deno.test("adapters come and go while texts are made", async () => {
  await using engine = await open();
  const running = textOf(engine, task("left", "Request: call"));
  await engine.unload("right");
  const expected = await running;
  await assertRejects(
    () => textOf(engine, task("right", "a")),
    ApiError,
    'Cannot find the model "right": there are base, left',
  );
  const loading = engine.load("again", adapters.right);
  const meanwhile = textOf(engine, task("left", "Request: call"));
  await loading;
  assertEquals(await meanwhile, expected);
  assertEquals(
    engine.models().map(({ name }) => name),
    ["base", "left", "again", "tiny-bert"],
  );
  assertNotEquals(
    await textOf(engine, task("again", "Request: call")),
    expected,
  );
  await assertRejects(
    () => engine.load("again", adapters.left),
    ApiError,
    "another model has that name",
  );
  await assertRejects(
    () => engine.load("absent", `${folder}/absent`),
    ApiError,
    `Cannot read ${folder}/absent`,
  );
  assertEquals(await textOf(engine, task("left", "Request: call")), expected);
});

Deno.test("stop strings end a text and are no part of it", async () => {
  await using engine = await open();
  const whole = await textOf(engine, task("base", "Request: call"));
  const stop = whole.slice(5, 8);
  const cut = await textOf(engine, {
    ...task("base", "Request: call"),
    stop: [stop],
  });
  assertEquals(cut, whole.slice(0, whole.indexOf(stop)));
});

Deno.test("what cannot be continued is refused with the reason", async () => {
  await using engine = await open();
  const wrong = [
    [{ kind: "tokens", ids: [5000] }, "Cannot continue the token 5000"],
    [
      { kind: "tokens", ids: Array.from({ length: 96 }, () => 1) },
      "Cannot continue a prompt of 96 tokens",
    ],
    [
      {
        kind: "chat",
        messages: [{ role: "user", content: "a" }],
        tools: undefined,
      },
      "chat template",
    ],
  ] as const;
  for (const [prompt, message] of wrong) {
    await assertRejects(
      () => textOf(engine, { ...task("base", ""), prompt }),
      ApiError,
      message,
    );
  }
});

Deno.test("the vectors of texts have length 1", async () => {
  await using engine = await open();
  const { vectors, tokens } = await engine.embed(["one", "two words"], NEVER);
  assertEquals(vectors.length, 2);
  for (const vector of vectors) {
    const length = Math.hypot(...vector);
    assertEquals(Math.abs(length - 1) < 1e-5, true);
  }
  assertEquals(tokens > 3, true);
});

Deno.test("a model that cannot be loaded is an error that names the file", async () => {
  await assertRejects(
    () =>
      WorkerEngine.open({
        ...{ model: `${folder}/none`, name: "a", adapters: {}, load: {} },
        ...{ rows: 1, queue: 1, capacity: 8, device: "cpu" as const },
      }),
    ApiError,
    `Cannot read ${folder}/none`,
  );
});
