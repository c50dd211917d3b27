/**
 * Gives what the learning rate of each parameter is multiplied by, as LoRA+ has
 * it: another for the outer matrices.
 *
 * @param names The names of the parameters, as PEFT has them.
 * @param ratio The factor of the outer matrices.
 * @returns The factor of each.
 * @see {@link https://arxiv.org/abs/2402.12354 | LoRA+}
 */
export function loraPlusRates(
  names: readonly string[],
  ratio: number,
): number[] {
  return names.map((name) => /\.lora_B(\.|$)/.test(name) ? ratio : 1);
}
