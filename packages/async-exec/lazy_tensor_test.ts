import {
  add,
  argmax,
  cast,
  div,
  type DType,
  exp,
  full,
  greater,
  layerNorm,
  loraLinear,
  matmul,
  mul,
  reshape,
  rmsNorm,
  silu,
  slice,
  softmax,
  sub,
  sum,
  type Tensor,
  transpose,
  where,
} from "@wick/core-tensor";
import { assertClose, random, TEST_DEVICES, TOLERANCES } from "@wick/testing";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";

type Given = (shape: number[], seed: number, dtype?: DType) => Tensor;

/** What lazy and eager evaluation must agree on. */
const GRAPHS: Readonly<Record<string, (given: Given) => Tensor>> = {
  "a sum": (given) => add(given([2, 3], 1), given([2, 3], 2)),
  "a chain": (given) => {
    const x = given([65], 1);
    return div(exp(sub(mul(x, 2), 0.5)), add(mul(x, x), 1));
  },
  "a product": (given) => matmul(given([3, 65], 1), given([65, 7], 2)),
  "products in a row": (given) =>
    matmul(matmul(given([5, 9], 1), given([9, 4], 2)), given([4, 6], 3)),
  "zeros and ones": (given) =>
    add(mul(given([3, 3], 1), full([3, 3], 0)), full([3, 3], 1)),
  "a shared part": (given) => {
    const part = matmul(given([8, 8], 1), given([8, 8], 2));
    return add(mul(part, part), transpose(part));
  },
  "a LoRA layer": (given) =>
    loraLinear(
      given([4, 6, 24], 1),
      given([16, 24], 2),
      given([24, 8], 3),
      given([8, 16], 4),
      { scaling: 2 },
    ),
  "LoRA layers in a row": (given) => {
    const first = loraLinear(
      given([6, 24], 1),
      given([24, 24], 2),
      given([24, 4], 3),
      given([4, 24], 4),
      { scaling: 0.5 },
    );
    return loraLinear(
      silu(first),
      given([10, 24], 5),
      given([24, 4], 6),
      given([4, 10], 7),
      { scaling: 2, bias: given([10], 8) },
    );
  },
  "a softmax": (given) => softmax(mul(given([5, 63], 1), 4), -1),
  "norms": (given) =>
    layerNorm(
      rmsNorm(given([5, 64], 1), given([64], 2)),
      given([64], 3),
      given([64], 4),
    ),
  "attention by hand": (given) => {
    const [q, k, v] = [given([2, 7, 8], 1), given([2, 7, 8], 2)]
      .concat(given([2, 7, 8], 3));
    const scores = mul(matmul(q!, transpose(k!)), 8 ** -0.5);
    return matmul(softmax(scores, -1), v!);
  },
  "a choice": (given) => {
    const x = given([4, 9], 1);
    return where(greater(x, 0), slice(x, [0, 0], [4, 9]), exp(x));
  },
  "half widths": (given) =>
    add(given([9], 1, "f16"), mul(given([9], 2, "bf16"), 2)),
  "rounding": (given) => cast(mul(given([33], 1), 3), "f16"),
  "whole numbers": (given) => {
    const n = given([4, 5], 1, "i32");
    return mul(add(n, n), cast(greater(n, 0), "i32"));
  },
  "a place": (given) => argmax(given([6, 11], 1), -1),
};

for (const { name, ignore, open } of TEST_DEVICES) {
  const test = (title: string, fn: () => Promise<void>): void =>
    Deno.test({ name: `${title} on ${name}`, ignore, fn });

  for (const [title, graph] of Object.entries(GRAPHS)) {
    test(`${title}: lazy gives what eager gives`, async () => {
      const device = await open();
      const given =
        (of: typeof device): Given => (shape, seed, dtype = "f32") =>
          of.tensor(
            random(shape, seed, { dtype, low: dtype === "i32" ? -9 : -1 })
              .values,
            { shape, dtype },
          );
      const lazy = graph(given(device));
      assertEquals(lazy.known, false);
      const eager = graph(given(device.eager));
      assertEquals(eager.shape, lazy.shape);
      assertEquals(eager.dtype, lazy.dtype);
      assertClose(
        await lazy.data(),
        await eager.data(),
        TOLERANCES[lazy.dtype],
      );
    });
  }

  test("nothing runs until somebody asks", async () => {
    const device = await open();
    const { submissions } = device.statistics();
    const x = device.tensor([[1, 2], [3, 4]]);
    const y = add(matmul(x, x), 1);
    assertEquals([y.known, y.shape, y.dtype], [false, [2, 2], "f32"]);
    assertEquals(String(y), "Tensor(f32 [2,2], add)");
    assertEquals(device.statistics().submissions, submissions);
    assertStrictEquals(y.eval(), y);
    assertEquals(String(y), "Tensor(f32 [2,2], known)");
    assertEquals(device.statistics().submissions, submissions + 1);
    y.eval();
    assertClose(await y.data(), [8, 11, 16, 23]);
    assertEquals(device.statistics().submissions, submissions + 1);
  });

  test("an evaluation is one submit, whatever it has in it", async () => {
    const device = await open();
    const x = device.tensor(random([16, 16], 1).values, { shape: [16, 16] });
    let y = x;
    for (let i = 0; i < 20; i++) y = softmax(add(matmul(y, x), sum(y, 0)), -1);
    const before = device.statistics();
    device.evaluate([y, mul(y, 2), transpose(y)]);
    const after = device.statistics();
    assertEquals(after.submissions, before.submissions + 1);
    assert(after.dispatches - before.dispatches > 40);
  });

  test("a structure seen before is neither planned nor compiled again", async () => {
    const device = await open();
    const record = (seed: number): Tensor => {
      const x = device.tensor(random([9, 9], seed).values, { shape: [9, 9] });
      return exp(add(matmul(x, x), sum(x, 0)));
    };
    const first = record(1);
    const plan = device.planOf([first]);
    first.eval();
    const { pipelines } = device.statistics();
    for (let seed = 2; seed < 6; seed++) {
      const next = record(seed);
      assertStrictEquals(device.planOf([next]), plan);
      await next.data();
    }
    assertEquals(device.statistics().pipelines, pipelines);
  });

  test("an evaluated tensor forgets how it was made, a tracked one does not", async () => {
    const device = await open();
    const x = device.tensor([1, 2]);
    const plain = exp(x).eval();
    assertEquals([plain.operation, plain.inputs.length], [undefined, 0]);
    const w = device.tensor([1, 2], { trainable: true });
    const tracked = exp(w).eval();
    assertEquals([tracked.operation?.name, tracked.tracked], ["exp", true]);
    assertClose(await add(plain, tracked).data(), [
      2 * Math.E,
      2 * Math.E ** 2,
    ]);
  });

  test("zeros() and full() are what they say", async () => {
    const device = await open();
    assertEquals(await device.zeros([2, 2]).data(), new Float32Array(4));
    const ones = add(full([2, 2], 1), device.zeros([2, 1]));
    assertEquals(await ones.data(), new Float32Array(4).fill(1));
    const whole = device.zeros([3], { dtype: "i32" });
    assertEquals(await whole.data(), new Int32Array(3));
  });

  test("item() takes one element only", async () => {
    const device = await open();
    assertEquals(await device.tensor(3.5).item(), 3.5);
    assertEquals(await sum(device.tensor([[1, 2], [3, 4]])).item(), 10);
    await assertRejects(
      () => device.tensor([1, 2]).item(),
      RangeError,
      "Cannot take the item of [2]: it has 2 elements, not 1",
    );
  });

  test("write() changes what is evaluated later, not before", async () => {
    const device = await open();
    const x = device.tensor([1, 2, 3]);
    const before = mul(x, 2).eval();
    const shared = reshape(x, [3, 1]).eval();
    const later = mul(x, 2);
    device.write(x, [10, 20, 30]);
    assertClose(await before.data(), [2, 4, 6]);
    assertClose(await later.data(), [20, 40, 60]);
    assertClose(await shared.data(), [10, 20, 30]);
  });

  test("values come back as they were given, in every type", async () => {
    const device = await open();
    const types: DType[] = ["f32", "f16", "bf16", "i32", "u32", "bool"];
    for (const dtype of types) {
      for (const size of [1, 3, 63, 65, 1000, 4097]) {
        const { values } = random([size], size, { dtype, low: 0, high: 2 });
        const x = device.tensor(values, { dtype });
        assertEquals(Array.from(await x.data()), Array.from(values));
        x.dispose();
      }
    }
  });

  test("tensors give their bytes back when they are disposed of", async () => {
    const device = await open();
    const before = device.statistics().bytesInUse;
    {
      using x = device.tensor(new Float32Array(5000));
      using y = exp(x);
      using z = add(y, 1);
      using view = reshape(z, [50, 100]);
      device.evaluate([y, z, view]);
      assert(device.statistics().bytesInUse >= before + 60_000);
      // A view shares its bytes, so they stay while it does.
      z.dispose();
      assertEquals((await view.data()).length, 5000);
    }
    assertEquals(device.statistics().bytesInUse, before);
  });

  test("a tensor of no elements can be made, computed with and read", async () => {
    const device = await open();
    const none = device.tensor([], { shape: [0, 3] });
    assertEquals((await exp(none).data()).length, 0);
    assertEquals(await sum(none, 0).data(), new Float32Array(3));
    const product = matmul(device.zeros([2, 0]), none);
    assertEquals(await product.data(), new Float32Array(6));
  });

  test("operands that do not fit are refused as they are recorded", async () => {
    const device = await open();
    const [a, b] = [device.zeros([2, 3]), device.zeros([4, 5])];
    assertThrows(
      () => add(a, b),
      RangeError,
      "Cannot add [2,3] and [4,5]: axis 0 is 2 and 4, which must be equal or 1",
    );
    assertThrows(
      () => matmul(a, b),
      RangeError,
      "the inner sizes 3 and 4 must be equal",
    );
    assertThrows(() => reshape(a, [4]), RangeError, "it has 6 elements");
    assertThrows(() => sum(a, 2), RangeError, "it has 2 axes");
    assertThrows(
      () => add(a, device.tensor(Int32Array.of(1))),
      TypeError,
      "Cannot add f32 and i32",
    );
    assertClose(await add(a, device.tensor([1, 2, 3])).data(), [
      1,
      2,
      3,
      1,
      2,
      3,
    ]);
  });

  test("values that do not fit are refused", async () => {
    const device = await open();
    assertThrows(
      () => device.tensor([1, 2, 3], { shape: [2, 2] }),
      RangeError,
      "Cannot fill a tensor of [2,2] with 3 values: it has 4 elements",
    );
    assertThrows(
      () => device.tensor([[1, 2], [3]]),
      RangeError,
      "ragged arrays",
    );
    const x = device.tensor([1, 2]);
    assertThrows(() => device.write(x, [1, 2, 3]), RangeError, "2 elements");
    assertThrows(
      () => device.write(exp(x), [1, 2]),
      TypeError,
      "Cannot write a recorded tensor of [2]: evaluate it first",
    );
    assertThrows(
      () => device.tensor(Int32Array.of(1), { trainable: true }),
      TypeError,
      "Cannot train a tensor of i32",
    );
  });

  test("a tensor that was disposed of is refused", async () => {
    const device = await open();
    const x = device.tensor([1, 2]);
    const y = exp(x);
    x.dispose();
    x.dispose();
    assertEquals(String(x), "Tensor(f32 [2], disposed)");
    assertThrows(() => add(x, 1), TypeError, "it was disposed of");
    assertThrows(() => y.eval(), TypeError, "it was disposed of");
    await assertRejects(() => x.data(), TypeError, "it was disposed of");
    await assertRejects(() => y.evalAsync(), TypeError, "it was disposed of");
    assertThrows(() => device.write(x, [1, 2]), TypeError, "disposed of");
    assertClose(await exp(device.tensor([0])).data(), [1]);
  });

  test("a constant alone has no device to be read from", async () => {
    const device = await open();
    await assertRejects(
      () => full([2], 1).data(),
      TypeError,
      "Cannot read a constant of [2]: no operand has a device",
    );
    const ones = full([2], 1);
    device.evaluate([ones]);
    assertEquals(await device.read(ones), Float32Array.of(1, 1));
  });

  test("an aborted evaluation rejects with the signal's reason", async () => {
    const device = await open();
    const y = exp(device.tensor([1]));
    const signal = AbortSignal.abort(new RangeError("Too late"));
    await assertRejects(() => y.evalAsync({ signal }), RangeError, "Too late");
    assertEquals(y.known, false);
    assertStrictEquals(await y.evalAsync(), y);
  });
}

Deno.test({
  name: "tensors of two devices do not mix",
  ignore: TEST_DEVICES.some(({ ignore }) => ignore),
  fn: async () => {
    const [cpu, gpu] = await Promise.all(
      TEST_DEVICES.map(({ open }) => open()),
    );
    const [a, b] = [cpu!.tensor([1]), gpu!.tensor([2])];
    assertThrows(
      () => add(a, b),
      TypeError,
      "Cannot add tensors of cpu and webgpu: both must be on one device",
    );
    assertThrows(() => gpu!.evaluate([exp(a)]), TypeError, "another device");
    assertThrows(() => cpu!.evaluate([exp(b)]), TypeError, "another device");
    assertThrows(() => gpu!.write(a, [1]), TypeError, "another device");
    await assertRejects(async () => await cpu!.read(b), TypeError);
    await assertRejects(async () => await gpu!.read(a), TypeError);
  },
});
