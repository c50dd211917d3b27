import { gelu, geluTanh, relu, silu, type Tensor } from "@wick/core-tensor";
import type { Activation } from "../config/decoder_config.ts";

/**
 * Records the function between the projections of a feed-forward block.
 *
 * @param name Which one.
 * @param x What it is applied to.
 * @returns The same shape.
 */
export function activate(name: Activation, x: Tensor): Tensor {
  switch (name) {
    case "silu":
      return silu(x);
    case "gelu":
      return gelu(x);
    case "gelu_tanh":
      return geluTanh(x);
    case "relu":
      return relu(x);
  }
}
