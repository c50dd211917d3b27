/** Things that run one after the other, by number. */
type Chain = readonly number[];

/**
 * Things that depend on each other, joined step by step to units that run as
 * one: the units never depend on each other in a circle.
 */
export class UnitGraph {
  readonly #before: readonly (readonly number[])[];
  /** The number that stands for the unit of each thing. */
  readonly #unit: number[];
  /** The chains of each unit. */
  readonly #chains: (readonly Chain[])[];
  /** The units, each after what it needs. */
  #order: number[];
  /** Where each unit is in the order. */
  readonly #place: number[];

  /**
   * Makes a unit of each thing.
   *
   * @param before What must come before each thing: things of lower numbers.
   */
  constructor(before: readonly (readonly number[])[]) {
    this.#before = before;
    this.#unit = before.map((_, index) => index);
    this.#chains = before.map((_, index) => [[index]]);
    this.#order = [...this.#unit];
    this.#place = [...this.#unit];
  }

  /** The chains of each unit, in an order in which they can run. */
  get order(): readonly (readonly Chain[])[] {
    return this.#order.map((unit) => this.#chains[unit]!);
  }

  /**
   * Gives the number that stands for the unit of a thing.
   *
   * @param index The thing.
   * @returns The number of one of its things.
   */
  unitOf(index: number): number {
    return this.#unit[index]!;
  }

  /**
   * Lists the things of a unit.
   *
   * @param index One of them.
   * @returns All, in the order in which they run.
   */
  members(index: number): Chain {
    return this.#chains[this.unitOf(index)]!.flat();
  }

  /**
   * Makes one unit of two whose chains run side by side, if neither needs what
   * the other makes.
   *
   * @param first A thing of a unit.
   * @param second A thing of the other.
   * @returns Whether it was done.
   */
  beside(first: number, second: number): boolean {
    return this.#join(first, second, false, (a, b) => [...a, ...b]);
  }

  /**
   * Makes one chain of two units of one chain each, unless one needs what the
   * other makes by way of a third.
   *
   * @param first A thing of a unit.
   * @param second A thing of the other.
   * @returns Whether it was done.
   */
  chain(first: number, second: number): boolean {
    // In the order of their numbers each comes after what it needs.
    return this.#join(first, second, true, (a, b) => [
      [...a, ...b].flat().toSorted((one, other) => one - other),
    ]);
  }

  #join(
    first: number,
    second: number,
    mayNeed: boolean,
    join: (a: readonly Chain[], b: readonly Chain[]) => readonly Chain[],
  ): boolean {
    const units = [this.unitOf(first), this.unitOf(second)];
    const [a, b] = units.toSorted((x, y) => this.#place[x]! - this.#place[y]!);
    if (a === undefined || b === undefined || a === b) return false;
    const [from, to] = [this.#place[a]!, this.#place[b]!];
    // What needs the first, of those that stand between the two.
    const after = new Set([a]);
    const [early, late]: [number[], number[]] = [[], []];
    for (const unit of this.#order.slice(from + 1, to)) {
      const needs = this.#needs(unit).some((other) => after.has(other));
      if (needs) after.add(unit);
      (needs ? late : early).push(unit);
    }
    if (mayNeed) after.delete(a);
    if (this.#needs(b).some((other) => after.has(other))) return false;

    const [kept, gone] = units as [number, number];
    this.#chains[kept] = join(this.#chains[kept]!, this.#chains[gone]!);
    this.#chains[gone] = [];
    for (const index of this.members(kept)) this.#unit[index] = kept;
    this.#order.splice(from, to - from + 1, ...early, kept, ...late);
    for (let place = from; place < this.#order.length; place++) {
      this.#place[this.#order[place]!] = place;
    }
    return true;
  }

  /** The units that a unit needs, perhaps itself too. */
  #needs(unit: number): number[] {
    return this.#chains[unit]!.flatMap((chain) =>
      chain.flatMap((index) =>
        this.#before[index]!.map((other) => this.#unit[other]!)
      )
    );
  }
}
