import type { DeviceTraits, KernelTuning } from "../operation.ts";

/** One of several ways to do some work. */
export interface NamedChoice {
  /** What it is called where choices are kept. */
  readonly name: string;
}

/**
 * Takes the way to do some work that was measured to be the best, or else the
 * first.
 *
 * @param device What the device is like, with what was measured on it.
 * @param choices The ways, at least one, the default first; of equal names the
 *   first counts.
 * @param work What kind of work it is, and how much.
 * @returns The way, and what there was to choose from if there was a choice.
 */
export function takeTuned<Choice extends NamedChoice>(
  { tuned }: Pick<DeviceTraits, "tuned">,
  choices: readonly Choice[],
  work: Omit<KernelTuning, "choices" | "choice">,
): { readonly chosen: Choice; readonly tuning?: KernelTuning } {
  const wanted = tuned?.get(work.key);
  const chosen = choices.find(({ name }) => name === wanted) ?? choices[0]!;
  const names = [...new Set(choices.map(({ name }) => name))];
  return {
    chosen,
    ...(names.length > 1 && {
      tuning: { ...work, choices: names, choice: chosen.name },
    }),
  };
}
