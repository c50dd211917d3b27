import { uniformSource } from "@wick/models";
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { initialMatrices } from "./initial_matrices.ts";
import { layerConfig, loraConfig } from "./mod.ts";

Deno.test("layerConfig() takes rank and alpha from the patterns", () => {
  const config = loraConfig({
    rank: 4,
    alpha: 8,
    rankPattern: { "layers.0.self_attn.q_proj": 2, up_proj: 6 },
    alphaPattern: { up_proj: 12 },
  });
  const of = (path: string) => {
    const { rank, scaling } = layerConfig(config, `model.${path}`);
    return [rank, scaling];
  };
  assertEquals(of("layers.0.self_attn.q_proj"), [2, 4]);
  assertEquals(of("layers.1.self_attn.q_proj"), [4, 2]);
  assertEquals(of("layers.1.mlp.up_proj"), [6, 2]);
  assertEquals(of("layers.1.mlp.group_proj"), [4, 2]);
});

Deno.test("layerConfig() divides by the root of the rank for rsLoRA", () => {
  const config = loraConfig({ rank: 16, alpha: 32, useRslora: true });
  assertEquals(layerConfig(config, "a").scaling, 8);
});

Deno.test("loraConfig() refuses numbers outside their range", () => {
  for (
    const options of [
      { rank: 0 },
      { rank: 1.5 },
      { alpha: NaN },
      { dropout: 1 },
      { dropout: -0.1 },
      { rankPattern: { q_proj: 0 } },
    ]
  ) assertThrows(() => loraConfig(options), RangeError, "Cannot adapt with");
});

Deno.test("initialMatrices() draws A as wide as PEFT does, and B zero", () => {
  const size = { inFeatures: 300, outFeatures: 5 };
  const deviation = (values: Float32Array): number =>
    Math.sqrt(
      values.reduce((sum, value) => sum + value * value, 0) / values.length,
    );
  const kaiming = initialMatrices(size, 8, uniformSource(1));
  // A uniform number within ±1/√300 deviates by that over √3.
  assertAlmostEquals(deviation(kaiming.a), 1 / Math.sqrt(900), 1e-3);
  assertEquals(kaiming.a.every((a) => Math.abs(a) <= 1 / Math.sqrt(300)), true);
  const gaussian = initialMatrices(size, 8, uniformSource(2), "gaussian");
  assertAlmostEquals(deviation(gaussian.a), 1 / 8, 1e-2);
  assertEquals(gaussian.a.some((a) => Math.abs(a) > 2 / 8), true);
  assertEquals([...gaussian.b, ...kaiming.b], new Array(80).fill(0));
});
