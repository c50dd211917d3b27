import {
  add,
  type EvaluateOptions,
  type Executor,
  exp,
  full,
  loraLinear,
  matmul,
  mul,
  reshape,
  rmsNorm,
  silu,
  softmax,
  sum,
  type Tensor,
  transpose,
} from "@wick/core-tensor";
import { random, TEST_DEVICES } from "@wick/testing";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { AsyncGraphExecutor } from "./async_graph_executor.ts";
import type { Device } from "./device.ts";
import { DeviceLostError } from "./device_lost_error.ts";
import { nextTurn } from "./next_turn.ts";
import { openDevice } from "./open_device.ts";

/** Graphs to evaluate both ways; each call records anew. */
const GRAPHS: Record<string, (given: (seed: number) => Tensor) => Tensor> = {
  "a sum": (given) => add(given(1), given(2)),
  "a chain": (given) => exp(mul(add(given(1), 0.5), given(2))),
  "a product": (given) => matmul(given(1), given(2)),
  "a LoRA layer": (given) =>
    loraLinear(given(1), given(2), given(3), given(4), { scaling: 2 }),
  "LoRA layers in a row": (given) => {
    const first = loraLinear(given(1), given(2), given(3), given(4), {
      scaling: 0.5,
    });
    return loraLinear(silu(first), given(5), given(6), given(7), {
      scaling: 2,
    });
  },
  "a softmax": (given) => softmax(mul(given(1), 3), -1),
  "an RMS norm": (given) => rmsNorm(given(1), sum(given(2), 0)),
  "a large graph": (given) => {
    const x = given(1);
    const h = silu(add(matmul(x, given(2)), sum(given(3), 0)));
    const left = matmul(h, transpose(h));
    const right = mul(left, reshape(given(4), [16, 16]));
    return add(sum(exp(mul(right, 0.01)), 1), sum(h));
  },
};

function given(device: Device): (seed: number) => Tensor {
  return (seed) => {
    const { values, shape } = random([16, 16], seed);
    return device.tensor(values, { shape });
  };
}

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const [title, record] of Object.entries(GRAPHS)) {
    Deno.test({
      name: `execute() gives the bits of eval() for ${title} on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const executor = new AsyncGraphExecutor(device);
        const expected = await record(given(device)).data();
        const y = record(given(device));
        assertStrictEquals(await executor.execute(y), y);
        assert(y.known);
        assertEquals(await y.data(), expected);
      },
    });
  }

  Deno.test({
    name: `execute() of several tensors is one plan on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      const executor = new AsyncGraphExecutor(device);
      const x = given(device)(1);
      const before = device.statistics().submissions;
      const targets = [exp(x), add(x, 1), exp(x)] as const;
      const [y, z, again] = await executor.execute(targets);
      assertEquals(device.statistics().submissions, before + 1);
      assertEquals(await y.data(), await again.data());
      assertEquals(await z.data(), (await x.data()).map((value) => value + 1));
    },
  });

  Deno.test({
    name: `forty evaluations under way give what eval() gives on ${name}`,
    ignore,
    fn: async () => {
      const device = await open();
      await using executor = new AsyncGraphExecutor(device, { maxInFlight: 4 });
      const x = given(device)(7);
      const graph = (i: number) => matmul(add(x, i), mul(x, 0.5));
      const results = Array.from(
        { length: 40 },
        (_, i) => executor.execute(graph(i)),
      );
      for (const [i, result] of results.entries()) {
        const y = await result;
        assertEquals(await y.data(), await graph(i).data());
      }
    },
  });
}

/** A device that counts what is under way and waits for a turn or two. */
class SlowExecutor implements Executor {
  readonly name = "slow";
  readonly evaluatesEagerly = false;
  readonly started: Tensor[] = [];
  readonly #device: Device;
  underWay = 0;
  most = 0;
  failing: Tensor | undefined;

  constructor(device: Device) {
    this.#device = device;
  }

  get device(): object {
    return this.#device.device;
  }

  upload = (): never => {
    throw new TypeError("Cannot upload to the slow executor");
  };

  evaluate(tensors: readonly Tensor[]): void {
    this.started.push(...tensors);
    this.most = Math.max(this.most, ++this.underWay);
    this.#device.evaluate(tensors);
  }

  async evaluateAsync(
    tensors: readonly Tensor[],
    _options?: EvaluateOptions,
  ): Promise<void> {
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    this.underWay--;
    if (this.failing && tensors.includes(this.failing)) {
      throw new DeviceLostError("Cannot go on: it is a test");
    }
    await this.#device.evaluateAsync(tensors);
  }

  read = (tensor: Tensor) => this.#device.read(tensor);
}

const openCpu = () => openDevice({ device: "cpu", announce: false });

for (const maxInFlight of [1, 2, 5]) {
  Deno.test(`at most ${maxInFlight} are under way, the others wait in order`, async () => {
    using device = await openCpu();
    const slow = new SlowExecutor(device);
    const executor = new AsyncGraphExecutor(slow, { maxInFlight });
    const x = device.tensor([1, 2]);
    const targets = Array.from({ length: 12 }, (_, i) => add(x, i));
    const all = Promise.all(targets.map((target) => executor.execute(target)));
    await nextTurn();
    assertEquals(executor.inFlight, maxInFlight);
    assertEquals(executor.waiting, 12 - maxInFlight);
    await all;
    assertEquals(slow.most, maxInFlight);
    assertEquals(slow.started, targets);
    assertEquals([executor.inFlight, executor.waiting], [0, 0]);
  });
}

Deno.test("the bound is a whole number from 1 on", async () => {
  using device = await openCpu();
  for (const maxInFlight of [0, -1, 1.5, NaN]) {
    assertThrows(
      () => new AsyncGraphExecutor(device, { maxInFlight }),
      RangeError,
      `Cannot have ${maxInFlight} evaluations in flight`,
    );
  }
});

Deno.test("a signal that has aborted lets nothing start", async () => {
  using device = await openCpu();
  const executor = new AsyncGraphExecutor(device);
  const reason = new Error("Not wanted any more");
  const y = add(device.tensor([1]), 1);
  const thrown = await assertRejects(() =>
    executor.execute(y, { signal: AbortSignal.abort(reason) })
  );
  assertStrictEquals(thrown, reason);
  await executor.idle();
  assertEquals(y.known, false);
  assertEquals(device.statistics().submissions, 0);
});

Deno.test("a signal takes what waits out of the queue", async () => {
  using device = await openCpu();
  const slow = new SlowExecutor(device);
  const executor = new AsyncGraphExecutor(slow, { maxInFlight: 1 });
  const x = device.tensor([1]);
  const [first, second, third] = [add(x, 1), add(x, 2), add(x, 3)] as const;
  const stop = new AbortController();
  const running = executor.execute(first);
  const waiting = executor.execute(second, { signal: stop.signal });
  const last = executor.execute(third);
  assertEquals(executor.waiting, 2);
  stop.abort();
  assertEquals(executor.waiting, 1);
  await assertRejects(() => waiting, DOMException, "aborted");
  await Promise.all([running, last]);
  assertEquals(slow.started, [first, third]);
  assertEquals(second.known, false);
});

Deno.test("a signal ends the wait for what is under way", async () => {
  using device = await openCpu();
  const slow = new SlowExecutor(device);
  const executor = new AsyncGraphExecutor(slow, { maxInFlight: 1 });
  const x = device.tensor([1]);
  const stop = new AbortController();
  const result = executor.execute(add(x, 1), { signal: stop.signal });
  await nextTurn();
  await nextTurn();
  assertEquals(slow.started.length, 1);
  stop.abort();
  await assertRejects(() => result, DOMException, "aborted");
  // The place is free again only when the device is done.
  assertEquals(executor.inFlight, 1);
  const y = await executor.execute(add(x, 2));
  assertEquals(await y.item(), 3);
});

Deno.test("an error reaches the one who waits, and the rest go on", async () => {
  using device = await openCpu();
  const slow = new SlowExecutor(device);
  const executor = new AsyncGraphExecutor(slow, { maxInFlight: 2 });
  const x = device.tensor([1]);
  const targets = Array.from({ length: 6 }, (_, i) => add(x, i));
  slow.failing = targets[2];
  const gone = add(device.tensor([1]), 1);
  gone.inputs[0]!.dispose();
  const results = await Promise.allSettled(
    [...targets, gone, add(x, 9)].map((target) => executor.execute(target)),
  );
  assertEquals(
    results.map(({ status }) => status === "fulfilled"),
    [true, true, false, true, true, true, false, true],
  );
  await assertRejects(
    () => executor.execute(gone),
    TypeError,
    "it was disposed of",
  );
  await executor.idle();
  assertEquals([executor.inFlight, executor.waiting], [0, 0]);
  assertEquals(await (await executor.execute(add(x, 1))).item(), 2);
});

Deno.test("a tensor of another device is refused", async () => {
  using device = await openCpu();
  using other = await openCpu();
  const executor = new AsyncGraphExecutor(device);
  await assertRejects(
    () => executor.execute(add(other.tensor([1]), 1)),
    TypeError,
    "both must be one device",
  );
  // A constant has no device, so it is on any.
  const ones = full([3], 1);
  await executor.execute(ones);
  assertEquals(await device.read(ones), Float32Array.of(1, 1, 1));
});

Deno.test("map() takes items as places become free and keeps their order", async () => {
  using device = await openCpu();
  const slow = new SlowExecutor(device);
  const executor = new AsyncGraphExecutor(slow, { maxInFlight: 3 });
  const x = device.tensor([10]);
  let taken = 0;
  function* items(): Generator<number> {
    for (let i = 0; i < 9; i++) {
      taken++;
      yield i;
    }
  }
  const seen: number[] = [];
  for await (const y of executor.map(items(), (i) => add(x, i))) {
    assert(taken <= seen.length + 3);
    seen.push(await y.item());
  }
  assertEquals(seen, [10, 11, 12, 13, 14, 15, 16, 17, 18]);
  assertEquals(slow.most, 3);
});

Deno.test("map() ends with the first error and leaves nothing under way", async () => {
  using device = await openCpu();
  const slow = new SlowExecutor(device);
  const executor = new AsyncGraphExecutor(slow, { maxInFlight: 2 });
  const x = device.tensor([10]);
  const targets = Array.from({ length: 6 }, (_, i) => add(x, i));
  slow.failing = targets[1];
  const seen: Tensor[] = [];
  await assertRejects(async () => {
    for await (const y of executor.map(targets, (target) => target)) {
      seen.push(y);
    }
  }, DeviceLostError);
  assertEquals(seen, targets.slice(0, 1));
  assertEquals(executor.inFlight, 0);
  assert(slow.started.length < 6);
});

Deno.test("disposing of an executor waits for all, then takes no more", async () => {
  using device = await openCpu();
  const executor = new AsyncGraphExecutor(device, { maxInFlight: 1 });
  const x = device.tensor([1]);
  const targets = [add(x, 1), add(x, 2), add(x, 3)];
  const results = targets.map((target) => executor.execute(target));
  await executor[Symbol.asyncDispose]();
  assertEquals(targets.map(({ known }) => known), [true, true, true]);
  await Promise.all(results);
  await assertRejects(
    () => executor.execute(add(x, 4)),
    TypeError,
    "was disposed of",
  );
});

Deno.test("the event loop gets turns between evaluations", async () => {
  using device = await openCpu();
  const executor = new AsyncGraphExecutor(device, { maxInFlight: 2 });
  const x = device.tensor(new Float32Array(4096).fill(0.5));
  const order: string[] = [];
  const results = Array.from({ length: 8 }, async (_, i) => {
    await executor.execute(exp(add(x, i)));
    order.push(`evaluation ${i}`);
  });
  for (let turn = 0; turn < 4; turn++) {
    await nextTurn();
    order.push("turn");
  }
  await Promise.all(results);
  assert(order.indexOf("turn") < order.indexOf("evaluation 7"));
  assertEquals(order.filter((entry) => entry !== "turn").length, 8);
  assert(order.lastIndexOf("turn") < order.length - 1);
});
