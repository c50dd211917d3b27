/**
 * `describe` and `it` of `@std/testing/bdd`, over `node:test`.
 *
 * @module
 */
import * as real from "node:test";

/** A step that a suite or test runs. */
export type Step = () => void | Promise<void>;

/** Registers what it is given under a name. */
export interface Register {
  (name: string, fn: Step): void;
  /** Registers it as the only one to run. */
  only(name: string, fn: Step): void;
  /** Registers it as ignored. */
  ignore(name: string, fn: Step): void;
}

function register(
  run: (name: string, options: Options, fn: Step) => unknown,
): Register {
  const as = (options: Options) => (name: string, fn: Step): void =>
    void run(name, options, async () => await fn());
  return Object.assign(as({}), {
    only: as({ only: true }),
    ignore: as({ skip: true }),
  });
}

interface Options {
  only?: boolean;
  skip?: boolean;
}

/** Registers a suite. */
export const describe: Register = register(real.describe);

/** Registers a test of a suite. */
export const it: Register = register(real.it);

/** Runs a step once before the tests of a suite. */
export const beforeAll: (fn: Step) => void = real.before;

/** Runs a step once after the tests of a suite. */
export const afterAll: (fn: Step) => void = real.after;

/** Runs a step before each test of a suite. */
export const beforeEach: (fn: Step) => void = real.beforeEach;

/** Runs a step after each test of a suite. */
export const afterEach: (fn: Step) => void = real.afterEach;
