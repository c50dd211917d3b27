import type { Device } from "@wick/async-exec";
import { Tensor } from "@wick/core-tensor";
import { gradients } from "@wick/graph";
import { assertEquals } from "@std/assert";
import { assertClose } from "./assert_close.ts";
import { TEST_DEVICES } from "./devices.ts";
import { evaluateReference } from "./evaluate_reference.ts";
import { random, type TestInput } from "./random.ts";
import { type Tolerance, TOLERANCES } from "./tolerances.ts";

/** Options of {@linkcode testOp}. */
export interface TestOpOptions {
  /** The operands with a gradient, by position; all floats if absent. */
  readonly gradients?: readonly number[];
  /** How far devices may be from the reference; that of the type if absent. */
  readonly tolerance?: Tolerance;
  /** How far the gradient may be from differences, with a reason. */
  readonly differences?: Tolerance;
  /** The step of the differences; 1e-4 if absent. */
  readonly step?: number;
  /** What tells this case from others of the operation. */
  readonly name?: string;
}

// Central differences in float64 with a step of 1e-4: the error of the method
// is of the order of the step squared times the third derivative.
const DIFFERENCES: Tolerance = { rtol: 1e-5, atol: 1e-6 };

/**
 * Registers the tests that every operation needs: its gradient against
 * central differences of its reference, and on each device its values and
 * gradients against the reference.
 *
 * @param apply The operation.
 * @param inputs Operands to try it on.
 * @param options Tolerances, and which operands have a gradient.
 */
export function testOp(
  apply: (...inputs: Tensor[]) => Tensor,
  inputs: readonly TestInput[],
  options: TestOpOptions = {},
): void {
  const tensors = inputs.map(({ shape, dtype }) =>
    new Tensor(shape, dtype, undefined, true)
  );
  const y = apply(...tensors);
  const title = `${y.operation?.name ?? apply.name}(${
    options.name ?? inputs.map(({ shape }) => `[${shape}]`).join(", ")
  })`;
  const valuesOf = (of: readonly TestInput[]) =>
    new Map(tensors.map((tensor, i) => [tensor, of[i]!.values]));
  const wanted = options.gradients ??
    inputs.flatMap(({ dtype }, i) => /f/.test(dtype) ? [i] : []);
  const seed = random(y.shape, 77);
  const dy = new Tensor(y.shape, "f32", undefined, false);
  const parts = wanted.length > 0
    ? gradients(y, wanted.map((i) => tensors[i]!), dy)
    : [];
  const given = valuesOf(inputs).set(dy, seed.values);

  Deno.test(`${title} has the gradient of its reference`, () => {
    assertEquals(evaluateReference(y, given).length, y.size);
    wanted.forEach((index, part) => {
      const { values } = inputs[index]!;
      const step = options.step ?? 1e-4;
      const loss = (at: Float64Array): number => {
        const moved = inputs.with(index, { ...inputs[index]!, values: at });
        return evaluateReference(y, valuesOf(moved))
          .reduce((sum, value, i) => sum + value * seed.values[i]!, 0);
      };
      const numeric = values.map((value, i) =>
        (loss(values.with(i, value + step)) -
          loss(values.with(i, value - step))) /
        (2 * step)
      );
      const gradient = evaluateReference(parts[part]!, given);
      assertClose(gradient, numeric, options.differences ?? DIFFERENCES);
    });
  });

  for (const { name, ignore, open } of TEST_DEVICES) {
    Deno.test({
      name: `${title} agrees with its reference on ${name}`,
      ignore,
      fn: async () => {
        const device = await open();
        const tolerance = options.tolerance ?? TOLERANCES[y.dtype];
        const operands = inputs.map((of) => upload(device, of, true));
        const result = apply(...operands);
        assertClose(
          await result.data(),
          evaluateReference(y, given),
          tolerance,
        );
        const found = wanted.length > 0
          ? gradients(
            result,
            wanted.map((i) => operands[i]!),
            upload(device, seed, false),
          )
          : [];
        for (const [part, gradient] of found.entries()) {
          assertClose(
            await gradient.data(),
            evaluateReference(parts[part]!, given),
            options.tolerance ?? TOLERANCES.f32,
          );
        }
        for (const tensor of [...operands, result, ...found]) tensor.dispose();
      },
    });
  }
}

function upload(
  device: Device,
  { shape, values, dtype }: TestInput,
  trainable: boolean,
): Tensor {
  return device.tensor(values, {
    shape,
    dtype,
    trainable: trainable && /f/.test(dtype),
  });
}
