import type { Storage } from "@wick/core-tensor";
import type { Connection } from "./connection.ts";

/** A number for elements on a device in a worker. */
export class RemoteStorage implements Storage {
  /** The number. */
  readonly id: number;
  /** How many bytes the elements have. */
  readonly byteLength: number;
  readonly #connection: Connection;
  #owners = 1;

  /**
   * Makes a number known, with one owner.
   *
   * @param id The number.
   * @param byteLength How many bytes the elements have.
   * @param connection The way to the worker, told when no owner is left.
   */
  constructor(id: number, byteLength: number, connection: Connection) {
    this.id = id;
    this.byteLength = byteLength;
    this.#connection = connection;
  }

  /**
   * Tells whether the elements are on the device of a worker.
   *
   * @param connection The way to the worker.
   * @returns Whether they are there.
   */
  isAt(connection: Connection): boolean {
    return this.#connection === connection;
  }

  /** Adds an owner. */
  retain(): void {
    this.#owners++;
  }

  /** Drops an owner. */
  release(): void {
    if (--this.#owners === 0) this.#connection.release(this.id);
  }
}
