import type { Device } from "@wick/async-exec";
import { LoraAdapter, loraConfig } from "@wick/lora";
import { CausalLanguageModel, generate } from "@wick/models";
import { TEST_DEVICES } from "@wick/testing";
import { assertEquals, assertLess } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { TokenizedExample } from "./example.ts";
import { Trainer } from "./trainer.ts";

const MODEL = "testdata/conformance/models/tiny-llama";
const STEPS = 2000;
const TOKENS = 10_000;
// 2 KiB lost a step, or 0.25 KiB a token, would be more.
const GROWTH_BYTES = 2 ** 21;

// Garbage that waits for the collector looks like a leak.
setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

/** What must not grow. */
interface Held {
  readonly buffers: number;
  readonly bytes: number;
  readonly pipelines: number;
  /** Bytes of the JavaScript heap. */
  readonly heap: number;
  /** Bytes of the process beside it. */
  readonly process: number;
}

function assertFlat(early: Held, late: Held): void {
  const rest = { heap: 0, process: 0 };
  assertEquals({ ...late, ...rest }, { ...early, ...rest });
  assertLess(late.heap - early.heap, GROWTH_BYTES);
  assertLess(late.process - early.process, GROWTH_BYTES);
}

for (const { name, ignore, open } of TEST_DEVICES) {
  Deno.test({
    name: `${STEPS} steps of training leave memory as it was on ${name}`,
    ignore,
    async fn() {
      const device = await open();
      using model = await CausalLanguageModel.load(device, MODEL);
      using adapter = LoraAdapter.inject(model, loraConfig({ rank: 4 }));
      const examples = Array.from({ length: 8 }, (_, row): TokenizedExample => {
        const ids = Array.from({ length: 8 }, (_, i) => row * 31 + i * 7);
        return { ids, labels: ids };
      });
      const held: Held[] = [];
      await new Trainer(model, adapter, examples, examples.slice(0, 2), {
        steps: STEPS,
        batchSize: 1,
        evaluateEvery: STEPS / 10,
        saveEvery: STEPS / 10,
        onSave: () => {},
        onStep({ step }) {
          if (step === STEPS / 2 || step === STEPS) held.push(measure(device));
        },
      }).run();
      const [early, late] = held;
      assertFlat(early!, late!);
    },
  });

  Deno.test({
    name: `${TOKENS} generated tokens leave memory as it was on ${name}`,
    ignore,
    async fn() {
      const device = await open();
      using model = await CausalLanguageModel.load(device, MODEL);
      let tokens = 0;
      const held: Held[] = [];
      while (tokens < TOKENS) {
        const prompts = Array.from({ length: 16 }, (_, row) => [1, 5 + row]);
        const options = { maxNewTokens: 125, stopTokenIds: [], seed: tokens };
        for await (const _ of generate(model, prompts, options)) tokens++;
        held.push(measure(device));
      }
      assertEquals(tokens, TOKENS);
      assertFlat(held[1]!, held.at(-1)!);
    },
  });
}

function measure(device: Device): Held {
  const { buffers, bytesInUse, pipelines } = device.statistics();
  collectGarbage();
  const { rss, heapTotal, heapUsed } = Deno.memoryUsage();
  return {
    ...{ buffers, bytes: bytesInUse, pipelines },
    heap: heapUsed,
    process: rss - heapTotal,
  };
}
