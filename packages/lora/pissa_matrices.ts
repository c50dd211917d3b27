import type { Device } from "@wick/async-exec";
import { cast, matmul, type Tensor, transpose } from "@wick/core-tensor";
import type { CausalLanguageModel } from "@wick/models";
import type { LoraMatrices } from "./lora_adapter.ts";
import { layerConfig, type LoraConfig } from "./lora_config.ts";
import { targetPaths } from "./target_modules.ts";
import { transposed } from "./transposed.ts";
import {
  type LinearMap,
  type TruncatedSvd,
  truncatedSvd,
} from "./truncated_svd.ts";

// The products of a device are f32.
const DEVICE_TOLERANCE = 1e-5;

/**
 * Finds what A and B are before training with PiSSA: the largest singular values
 * of each weight. The products run on the device, in at most 16 rounds, as those
 * of PEFT's `pissa_niter_16`.
 *
 * @param model The model.
 * @param config The adapter.
 * @param seed Which random start; 0 if absent.
 * @returns A and B of each layer, and that they are taken from the base.
 * @throws {RangeError} If a rank is larger than a layer.
 */
export async function pissaMatrices(
  model: CausalLanguageModel,
  config: LoraConfig,
  seed = 0,
): Promise<Map<string, LoraMatrices>> {
  const matrices = new Map<string, LoraMatrices>();
  for (const path of targetPaths(model.linears.keys(), config)) {
    const { rank, scaling } = layerConfig(config, path);
    const map = deviceMap(
      model.device,
      model.ownLinears.get(path)!.weight,
    );
    const initial = singularMatrices(
      await truncatedSvd(map, rank, { seed, tolerance: DEVICE_TOLERANCE }),
      scaling,
    );
    matrices.set(path, { ...initial, initial });
  }
  return matrices;
}

/**
 * Finds what A and B were before training where PEFT's `pissa` made them, from
 * the exact singular values of the weights.
 *
 * @param model The model.
 * @param config The adapter.
 * @param path The path of the layer.
 * @returns A and B.
 * @throws {RangeError} If the rank is larger than the layer.
 */
export async function exactPissa(
  model: CausalLanguageModel,
  config: LoraConfig,
  path: string,
): Promise<Pick<LoraMatrices, "a" | "b">> {
  const { rank, scaling } = layerConfig(config, path);
  const { weight } = model.ownLinears.get(path)!;
  const floats = cast(weight, "f32");
  const values = Float64Array.from(await floats.data());
  if (floats !== weight) floats.dispose();
  const [rows, columns] = [weight.shape[0]!, weight.shape[1]!];
  const found = await truncatedSvd(hostMap(values, rows, columns), rank, {
    iterations: 1000,
    tolerance: 1e-13,
  });
  return singularMatrices(found, scaling);
}

/** A and B of the largest singular values, which scaled give them back. */
function singularMatrices(
  { u, s, v }: TruncatedSvd,
  scaling: number,
): Pick<LoraMatrices, "a" | "b"> {
  const rank = s.length;
  const roots = s.map((value) => Math.sqrt(value / scaling));
  const rows = u.length / rank;
  return {
    a: Float32Array.from(v, (value, i) => value * roots[i % rank]!),
    b: Float32Array.from({ length: rank * rows }, (_, i) => {
      const [part, row] = [Math.floor(i / rows), i % rows];
      return u[row * rank + part]! * roots[part]!;
    }),
  };
}

/** A weight on a device, `[out, in]`, as what multiplies. */
function deviceMap(device: Device, weight: Tensor): LinearMap {
  const [rows, columns] = [weight.shape[0]!, weight.shape[1]!];
  // The narrow matrix lies transposed, so that the weight is read as by a layer.
  const run = async (
    x: Float64Array,
    width: number,
    right: Tensor,
  ): Promise<Float64Array> => {
    const [from, to] = [right.shape[0]!, right.shape[1]!];
    using given = device.tensor(transposed(x, from, width), {
      shape: [width, from],
    });
    using y = matmul(given, right);
    return new Float64Array(transposed(await y.data(), width, to));
  };
  return {
    rows,
    columns,
    times: (x, width) => run(x, width, transpose(weight)),
    transposedTimes: (x, width) => run(x, width, weight),
  };
}

/** A matrix on the host, `[rows, columns]`, as what multiplies. */
export function hostMap(
  matrix: Float64Array,
  rows: number,
  columns: number,
): LinearMap {
  return {
    rows,
    columns,
    times: (x, width) => {
      const y = new Float64Array(rows * width);
      for (let row = 0; row < rows; row++) {
        for (let k = 0; k < columns; k++) {
          const value = matrix[row * columns + k]!;
          for (let i = 0; i < width; i++) {
            y[row * width + i]! += value * x[k * width + i]!;
          }
        }
      }
      return Promise.resolve(y);
    },
    transposedTimes: (x, width) => {
      const y = new Float64Array(columns * width);
      for (let row = 0; row < rows; row++) {
        for (let k = 0; k < columns; k++) {
          const value = matrix[row * columns + k]!;
          for (let i = 0; i < width; i++) {
            y[k * width + i]! += value * x[row * width + i]!;
          }
        }
      }
      return Promise.resolve(y);
    },
  };
}
