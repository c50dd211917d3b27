import {
  accumulate,
  adamw,
  add,
  cacheWrite,
  exp,
  full,
  matmul,
  mul,
  reshape,
  slice,
  sub,
  sum,
  type Tensor,
  transpose,
} from "@wick/core-tensor";
import { assertClose, random, TEST_DEVICES } from "@wick/testing";
import { assertEquals, assertThrows } from "@std/assert";

for (const { name, ignore, open } of TEST_DEVICES) {
  const test = (title: string, fn: () => Promise<void>): void =>
    Deno.test({ name: `${title} on ${name}`, ignore, fn });

  test("an update runs after all that read the old value", async () => {
    const device = await open();
    const x = device.tensor([1, 2, 3]);
    // Asked for before those that read the old value.
    const updated = accumulate(x, device.tensor([10, 10, 10]));
    const old = sum(mul(x, x));
    const late = mul(exp(mul(x, 0)), x);
    device.evaluate([updated, old, late]);
    assertClose(await updated.data(), [11, 12, 13]);
    assertClose(await x.data(), [11, 12, 13]);
    assertClose(await old.data(), [14]);
    assertClose(await late.data(), [1, 2, 3]);
  });

  test("what is made of an updated tensor sees the new value", async () => {
    const device = await open();
    const x = device.tensor([1, 2, 3]);
    const once = accumulate(x, mul(x, 2));
    const twice = accumulate(once, mul(once, 2));
    const after = mul(twice, 10);
    assertClose(await after.data(), [90, 180, 270]);
    assertClose(await x.data(), [9, 18, 27]);
    assertClose(await twice.data(), [9, 18, 27]);
  });

  test("an update on the way runs once, however often it is asked for", async () => {
    const device = await open();
    const x = device.tensor([1, 2, 3]);
    const updated = accumulate(x, device.tensor([1, 1, 1]));
    const y = mul(updated, 2);
    assertClose(await y.data(), [4, 6, 8]);
    assertEquals(updated.known, true);
    assertClose(await add(updated, 0).data(), [2, 3, 4]);
    assertClose(await mul(updated, 3).data(), [6, 9, 12]);
    assertClose(await x.data(), [2, 3, 4]);
  });

  test("an update waits for one that needs the old value first", async () => {
    const device = await open();
    const [x, y] = [device.tensor([1, 2]), device.tensor([5, 5])];
    // x is read to update y; y's new value to read x once more.
    const newX = accumulate(x, device.tensor([100, 100]));
    const newY = accumulate(y, x);
    const both = mul(newY, exp(mul(x, 0)));
    device.evaluate([newX, both]);
    assertClose(await x.data(), [101, 102]);
    assertClose(await y.data(), [6, 7]);
    assertClose(await both.data(), [6, 7]);
  });

  test("old and new value in one expression are refused", async () => {
    const device = await open();
    const x = device.tensor([1, 2, 3]);
    const updated = accumulate(x, mul(x, 2));
    assertThrows(
      () => sub(updated, x).eval(),
      RangeError,
      "Cannot run sub on the old value of a tensor that accumulate updates in place: use the updated tensor, or evaluate before",
    );
    assertThrows(
      () => device.evaluate([accumulate(x, x), accumulate(x, mul(x, 3))]),
      RangeError,
      "that accumulate updates in place",
    );
    assertClose(await x.data(), [1, 2, 3]);
  });

  test("the old value is kept where it can be computed with before", async () => {
    const device = await open();
    const x = device.tensor([1, 2, 3]);
    const updated = accumulate(x, device.tensor([1, 1, 1]));
    // exp(x) stands alone: fused with what reads the new value, it would need
    // both at a time.
    const y = add(mul(x, 10), updated);
    assertClose(await y.data(), [12, 23, 34]);
    assertClose(await x.data(), [2, 3, 4]);
  });

  test("a tensor added to itself is copied first", async () => {
    const device = await open();
    const x = device.tensor([[1, 2], [3, 4]]);
    accumulate(x, transpose(x)).eval();
    assertClose(await x.data(), [2, 5, 5, 8]);
    accumulate(x, x).eval();
    assertClose(await x.data(), [4, 10, 10, 16]);
  });

  test("a temporary value is updated where it lies, or as a copy", async () => {
    const device = await open();
    const x = device.tensor([1, 2, 3]);
    const ones = device.tensor([1, 1, 1]);
    const temporary = mul(x, 2);
    assertEquals(device.planOf([accumulate(temporary, ones)]).steps.length, 2);
    assertClose(await accumulate(temporary, ones).data(), [3, 5, 7]);
    // Others need it as it is, so the update works on a copy.
    const other = exp(mul(temporary, 0));
    const updated = accumulate(temporary, ones);
    device.evaluate([temporary, updated, other]);
    assertClose(await temporary.data(), [2, 4, 6]);
    assertClose(await updated.data(), [3, 5, 7]);
    assertClose(await other.data(), [1, 1, 1]);
  });

  test("an updated temporary value stays until its last reader", async () => {
    const device = await open();
    const { values, shape } = random([16, 16], 3);
    const w = device.tensor(values, { shape });
    const start = matmul(w, w);
    const updated = accumulate(start, w);
    // Products between, whose buffers must not be that of the update.
    const chain = matmul(matmul(matmul(w, updated), w), w);
    const y = add(chain, matmul(updated, w));

    const eager = device.eager.tensor(values, { shape });
    const sumOf = add(matmul(eager, eager), eager);
    const expected = add(
      matmul(matmul(matmul(eager, sumOf), eager), eager),
      matmul(sumOf, eager),
    );
    assertClose(await y.data(), await expected.data(), {
      rtol: 1e-4,
      atol: 1e-4,
    });
  });

  test("a part of a tensor is updated as a copy", async () => {
    const device = await open();
    const x = device.tensor([[1, 2], [3, 4]]);
    const row = slice(x, [1, 0], [2, 2]);
    const updated = accumulate(row, device.tensor([[10, 20]]));
    assertClose(await updated.data(), [13, 24]);
    assertClose(await x.data(), [1, 2, 3, 4]);
  });

  test("a reshaped tensor is updated where it lies", async () => {
    const device = await open();
    const x = device.tensor([[1, 2], [3, 4]]);
    const flat = reshape(x, [4]);
    const updated = accumulate(flat, device.tensor([1, 1, 1, 1]));
    assertEquals((await updated.data()).length, 4);
    assertClose(await x.data(), [2, 3, 4, 5]);
  });

  test("tensors that share bytes are updated together", async () => {
    const device = await open();
    const x = device.tensor([[1, 2], [3, 4]]);
    const flat = reshape(x, [4]).eval();
    // The sum reads the same bytes under another name and shape.
    const before = sum(mul(flat, flat));
    const updated = accumulate(x, full([2, 2], 1));
    device.evaluate([updated, before]);
    assertClose(await before.data(), [30]);
    assertClose(await flat.data(), [2, 3, 4, 5]);
  });

  test("two caches that start as equal zeros stay apart", async () => {
    const device = await open();
    const zeros = (): Tensor => full([1, 3, 1, 1], 0);
    const at = device.tensor(Int32Array.of(1));
    const row = (value: number): Tensor => device.tensor([[[[value]]]]);
    const [keys, values] = [
      cacheWrite(zeros(), row(5), at),
      cacheWrite(zeros(), row(7), at),
    ];
    device.evaluate([keys, values]);
    assertClose(await keys.data(), [0, 5, 0]);
    assertClose(await values.data(), [0, 7, 0]);
  });

  test("a training step in one plan gives what steps apart give", async () => {
    const device = await open();
    const hyper = device.tensor([0.1, 0.9, 0.99, 1e-8, 0, 0.1, 0.01, 1]);
    const run = async (together: boolean): Promise<number[]> => {
      const p = device.tensor([1, -2, 3]);
      const [m, v] = [device.zeros([3]), device.zeros([3])];
      const losses: number[] = [];
      for (let step = 0; step < 3; step++) {
        const loss = sum(mul(p, p));
        const dp = mul(p, 2);
        if (!together) device.evaluate([loss, dp]);
        using updated = adamw(p, m, v, dp, hyper);
        device.evaluate([updated, loss]);
        losses.push(await loss.item());
      }
      return [...losses, ...await p.data(), ...await m.data()];
    };
    assertClose(await run(true), await run(false));
  });

  test("means that are no known tensors are refused", async () => {
    const device = await open();
    const p = device.tensor([1, 2]);
    const hyper = device.tensor([0.1, 0.9, 0.99, 1e-8, 0, 0.1, 0.01, 1]);
    const y = adamw(p, full([2], 0), device.zeros([2]), p, hyper);
    assertThrows(
      () => y.eval(),
      TypeError,
      "Cannot adamw with operand 1 of [2]: it is updated in place, so it must be a known tensor",
    );
  });
}
