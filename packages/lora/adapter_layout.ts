/**
 * What an adapter holds for a layer: A, B and, where it has them, the bias of B
 * and, with DoRA, row lengths.
 */
export type AdapterPart = "a" | "b" | "outerBias" | "magnitude";

/** How a tool names and turns what an adapter holds. */
export interface AdapterLayout {
  /** What stands before the path of a layer. */
  readonly prefix: string;
  /** What stands after the path and a dot. */
  readonly ends: Readonly<Record<AdapterPart, string>>;
  /** Whether weights of the model itself can stand beside them. */
  readonly saves: boolean;
  /** Whether matrices lie `[out, in]`, as `torch.nn.Linear` has them. */
  readonly outFirst: boolean;
  /** The file with the tensors. */
  readonly file: string;
}

/** The layout of PEFT. */
export const PEFT_LAYOUT: AdapterLayout = {
  prefix: "base_model.model.",
  ends: {
    a: "lora_A.weight",
    b: "lora_B.weight",
    outerBias: "lora_B.bias",
    magnitude: "lora_magnitude_vector",
  },
  saves: true,
  outFirst: true,
  file: "adapter_model.safetensors",
};

/** The layout of mlx-lm: matrices `[in, rank]` and `[rank, out]`, as here. */
export const MLX_LAYOUT: AdapterLayout = {
  prefix: "",
  ends: { a: "lora_a", b: "lora_b", outerBias: "lora_b_bias", magnitude: "m" },
  saves: false,
  outFirst: false,
  file: "adapters.safetensors",
};
