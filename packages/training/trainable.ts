import type { Tensor } from "@wick/core-tensor";
import type { DropoutSource } from "@wick/lora";

/** What a trainer trains: a LoRA adapter, or the weights of a model. */
export interface Trainable {
  /** The trained tensors by name: known ones of `f32`. */
  readonly parameters: ReadonlyMap<string, Tensor>;
  /** The layers that drop inputs while training. */
  readonly layers: ReadonlyMap<
    string,
    {
      dropoutSource: DropoutSource | undefined;
      readonly config: { readonly dropout: number };
    }
  >;
}
