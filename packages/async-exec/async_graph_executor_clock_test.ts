import {
  add,
  type Executor,
  exp,
  mul,
  type Storage,
  type Tensor,
} from "@wick/core-tensor";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { AsyncGraphExecutor, type Clock } from "./async_graph_executor.ts";
import { DeviceLostError } from "./device_lost_error.ts";
import type { Device } from "./device.ts";
import { openDevice } from "./open_device.ts";

/** A clock that stands still but where somebody waits. */
class TestClock implements Clock {
  time = 0;
  now = () => this.time;
  sleep(milliseconds: number): Promise<void> {
    this.time += milliseconds;
    return Promise.resolve();
  }
}

/** A GPU by the clock: work queues up, and to wait for it stops the thread. */
class TestGpu implements Executor {
  readonly name = "test";
  readonly evaluatesEagerly = false;
  readonly holdsUpThread = true;
  readonly #device: Device;
  readonly #clock: TestClock;
  #busyUntil = 0;
  /** What the next evaluations take. */
  milliseconds = 500;
  /** How long each wait held up the thread. */
  readonly gaps: number[] = [];
  lost = false;

  constructor(device: Device, clock: TestClock) {
    this.#device = device;
    this.#clock = clock;
  }

  get device(): object {
    return this.#device.device;
  }

  upload = (): Storage => {
    throw new TypeError("Cannot upload to the GPU of a test");
  };

  evaluate(tensors: readonly Tensor[]): void {
    this.#device.evaluate(tensors);
    this.#busyUntil = Math.max(this.#busyUntil, this.#clock.time) +
      this.milliseconds;
  }

  evaluateAsync(tensors: readonly Tensor[]): Promise<void> {
    const left = Math.max(0, this.#busyUntil - this.#clock.time);
    this.#clock.time += left;
    this.gaps.push(left);
    if (this.lost) throw new DeviceLostError("Cannot go on: it is a test");
    return this.#device.evaluateAsync(tensors);
  }

  read = (tensor: Tensor) => this.#device.read(tensor);
}

function setUp(maxInFlight: number) {
  const clock = new TestClock();
  return openDevice({ device: "cpu", announce: false }).then((device) => {
    const gpu = new TestGpu(device, clock);
    const executor = new AsyncGraphExecutor(gpu, { maxInFlight, clock });
    const x = device.tensor([1, 2, 3]);
    return { clock, device, gpu, executor, x };
  });
}

Deno.test("an evaluation seen before holds up the thread for a moment only", async () => {
  const { clock, device, gpu, executor, x } = await setUp(1);
  let longer = mul(x, x);
  for (let i = 0; i < 12; i++) {
    longer = add(longer, x);
    await executor.execute(exp(longer));
  }
  assertEquals(gpu.gaps[0], 500);
  // Each is of another structure: twelve are strangers.
  assertEquals(gpu.gaps.every((gap) => gap === 500), true);
  gpu.gaps.length = 0;
  for (let i = 0; i < 30; i++) await executor.execute(exp(add(x, x)));
  assertEquals(gpu.gaps[0], 500);
  const last = gpu.gaps.slice(-10);
  assert(Math.max(...last) < 5, `${last}`);
  // It costs no time: the GPU is never idle for longer than a timer is late.
  assert(clock.time < 42 * 505, `${clock.time}`);
  device.close();
});

Deno.test("evaluations under way together are waited for once", async () => {
  const { device, gpu, executor, x } = await setUp(3);
  for (let i = 0; i < 8; i++) {
    const three = [exp(x), exp(x), exp(x)];
    await Promise.all(three.map((one) => executor.execute(one)));
  }
  assertEquals(gpu.gaps.length, 8);
  assertEquals(gpu.gaps[0], 1500);
  assert(gpu.gaps.at(-1)! < 20, `${gpu.gaps}`);
  device.close();
});

Deno.test("the executor follows work that becomes quicker", async () => {
  const { clock, device, gpu, executor, x } = await setUp(1);
  for (let i = 0; i < 10; i++) await executor.execute(exp(x));
  gpu.milliseconds = 20;
  for (let i = 0; i < 80; i++) await executor.execute(exp(x));
  const before = clock.time;
  for (let i = 0; i < 10; i++) await executor.execute(exp(x));
  const each = (clock.time - before) / 10;
  assert(each < 30, `${each}`);
  device.close();
});

Deno.test("the loss of the device reaches all who wait, once it is known", async () => {
  const { device, gpu, executor, x } = await setUp(2);
  await executor.execute(exp(x));
  gpu.lost = true;
  const both = [executor.execute(exp(x)), executor.execute(exp(x))];
  for (const one of both) await assertRejects(() => one, DeviceLostError);
  assertEquals(executor.inFlight, 0);
  gpu.lost = false;
  await executor.execute(exp(x));
  await executor.idle();
  device.close();
});
