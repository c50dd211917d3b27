/** A map that drops what was not used for longest when it is full. */
export class RecentMap<Key, Value> {
  readonly #limit: number;
  readonly #dropped: (value: Value) => void;
  // A map is in order of insertion, so the first is the one to drop.
  readonly #entries = new Map<Key, Value>();

  /**
   * Makes an empty map.
   *
   * @param limit How many entries it holds.
   * @param dropped Is told of each entry that is dropped.
   */
  constructor(limit: number, dropped: (value: Value) => void = () => {}) {
    this.#limit = limit;
    this.#dropped = dropped;
  }

  /**
   * Gives an entry, made first if there is none.
   *
   * @param key Its key.
   * @param make Makes it.
   * @returns The entry, now the one used last.
   */
  getOrMake(key: Key, make: () => Value): Value {
    const known = this.#entries.get(key);
    const value = known ?? make();
    if (known !== undefined) this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size > this.#limit) {
      const [oldest] = this.#entries;
      this.#entries.delete(oldest![0]);
      this.#dropped(oldest![1]);
    }
    return value;
  }

  /** Drops all entries. */
  clear(): void {
    this.#entries.clear();
  }
}
