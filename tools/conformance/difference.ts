/** How far one result is from the wanted one. */
export interface Difference {
  /** The largest `|got - want|`; infinite where one is no finite number. */
  readonly absolute: number;
  /** The largest `|got - want| / |want|` over the wanted values but zeros. */
  readonly relative: number;
  /** What is wrong, where the bound does not hold. */
  readonly problem: string | undefined;
}

/** How far results may be from the wanted ones. */
export interface Bound {
  /** In parts of the wanted value. */
  readonly rtol: number;
  /** Beside that. */
  readonly atol: number;
}

/**
 * Compares elements: each `|got - want|` must be at most
 * `atol + rtol * |want|`, infinities must be equal, and NaN must stand where it
 * is wanted and nowhere else.
 *
 * @param name What is compared, for the problem.
 * @param got The elements that came out.
 * @param want The elements that should have.
 * @param bound How far they may be apart.
 * @returns The difference.
 */
export function elementDifference(
  name: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  { rtol, atol }: Bound,
): Difference {
  if (got.length !== want.length) {
    const problem = `${name} has ${got.length} elements, not ${want.length}`;
    return { absolute: Infinity, relative: Infinity, problem };
  }
  let [absolute, relative, off, worst, excess] = [0, 0, 0, -1, 0];
  for (let i = 0; i < want.length; i++) {
    const [value, wanted] = [got[i]!, want[i]!];
    if (Object.is(value, wanted) || value === wanted) continue;
    const finite = Number.isFinite(value) && Number.isFinite(wanted);
    const apart = finite ? Math.abs(value - wanted) : Infinity;
    absolute = Math.max(absolute, apart);
    if (wanted !== 0) {
      relative = Math.max(relative, finite ? apart / Math.abs(wanted) : apart);
    }
    const times = finite ? apart / (atol + rtol * Math.abs(wanted)) : apart;
    if (times <= 1) continue;
    off++;
    if (times > excess) [worst, excess] = [i, times];
  }
  const problem = off === 0
    ? undefined
    : `${off} of ${want.length} values of ${name} are off, worst at ${worst}: got ${
      got[worst]
    }, want ${want[worst]}`;
  return { absolute, relative, problem };
}

/**
 * Compares shapes.
 *
 * @param name What is compared, for the problem.
 * @param got The shape that came out.
 * @param want The shape that should have.
 * @returns Nothing where they are equal, else a difference with the problem.
 */
export function shapeDifference(
  name: string,
  got: readonly number[],
  want: readonly number[],
): Difference[] {
  if (got.length === want.length && got.every((n, i) => n === want[i])) {
    return [];
  }
  const problem = `${name} is [${got}] where [${want}] is wanted`;
  return [{ absolute: 0, relative: 0, problem }];
}

/**
 * Compares two tensors by the norm of what they differ in:
 * `‖got - want‖ / ‖want‖` must be at most `rtol`.
 *
 * @param name What is compared, for the problem.
 * @param got The elements that came out.
 * @param want The elements that should have.
 * @param rtol The largest quotient.
 * @returns The difference, with the quotient as the relative one.
 */
export function normDifference(
  name: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  rtol: number,
): Difference {
  const { absolute, problem } = elementDifference(name, got, want, {
    rtol: Infinity,
    atol: Infinity,
  });
  if (problem !== undefined) return { absolute, relative: Infinity, problem };
  let [apart, whole] = [0, 0];
  for (let i = 0; i < want.length; i++) {
    apart += (got[i]! - want[i]!) ** 2;
    whole += want[i]! ** 2;
  }
  const relative = apart === 0 ? 0 : Math.sqrt(apart / whole);
  return {
    absolute,
    relative,
    problem: relative <= rtol
      ? undefined
      : `${name} is off by ${relative.toExponential(2)} of its norm, ` +
        `at most ${rtol} is allowed`,
  };
}
