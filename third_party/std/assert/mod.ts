/**
 * The assertions of `@std/assert` that Wick uses, typed, over `npm:deno-std`.
 *
 * @module
 */
import * as real from "npm:deno-std@1.4.0/assert/mod.js";

/** A class, abstract or not. */
// deno-lint-ignore no-explicit-any
type AnyClass = abstract new (...args: any[]) => any;

/** The error of a failed assertion. */
export const AssertionError: new (
  message: string,
  options?: ErrorOptions,
) => Error = real.AssertionError;

/** Fails unless `expr` is truthy. */
export const assert: (expr: unknown, msg?: string) => asserts expr =
  real.assert;

/** Fails unless `expr` is falsy. */
export const assertFalse: (
  expr: unknown,
  msg?: string,
) => asserts expr is false | 0 | "" | null | undefined = real.assertFalse;

/** Fails unless the numbers are within `tolerance`. */
export const assertAlmostEquals: (
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
) => void = real.assertAlmostEquals;

/** Fails unless `actual` has every element of `expected`. */
export const assertArrayIncludes: <T>(
  actual: ArrayLike<T>,
  expected: ArrayLike<T>,
  msg?: string,
) => void = real.assertArrayIncludes;

/** Fails unless the two are deeply equal. */
export const assertEquals: <T>(actual: T, expected: T, msg?: string) => void =
  real.assertEquals;

/** Fails if the two are deeply equal. */
export const assertNotEquals: <T>(
  actual: T,
  expected: T,
  msg?: string,
) => void = real.assertNotEquals;

/** Fails unless the two are the same value. */
export const assertStrictEquals: <T>(
  actual: unknown,
  expected: T,
  msg?: string,
) => asserts actual is T = real.assertStrictEquals;

/** Fails if the two are the same value. */
export const assertNotStrictEquals: <T>(
  actual: T,
  expected: T,
  msg?: string,
) => void = real.assertNotStrictEquals;

/** Fails on `null` and `undefined`. */
export const assertExists: <T>(
  actual: T,
  msg?: string,
) => asserts actual is NonNullable<T> = real.assertExists;

/** Fails unless `actual > expected`. */
export const assertGreater: <T>(actual: T, expected: T, msg?: string) => void =
  real.assertGreater;

/** Fails unless `actual >= expected`. */
export const assertGreaterOrEqual: <T>(
  actual: T,
  expected: T,
  msg?: string,
) => void = real.assertGreaterOrEqual;

/** Fails unless `actual < expected`. */
export const assertLess: <T>(actual: T, expected: T, msg?: string) => void =
  real.assertLess;

/** Fails unless `actual <= expected`. */
export const assertLessOrEqual: <T>(
  actual: T,
  expected: T,
  msg?: string,
) => void = real.assertLessOrEqual;

/** Fails unless `actual` is an instance of `expectedType`. */
export const assertInstanceOf: <T extends AnyClass>(
  actual: unknown,
  expectedType: T,
  msg?: string,
) => asserts actual is InstanceType<T> = real.assertInstanceOf;

/** Fails if `actual` is an instance of `unexpectedType`. */
export const assertNotInstanceOf: <A, T>(
  actual: A,
  unexpectedType: abstract new (...args: never[]) => T,
  msg?: string,
) => asserts actual is Exclude<A, T> = real.assertNotInstanceOf;

/** Fails unless `actual` is an error, and one of that class and message. */
export const assertIsError: <E extends Error = Error>(
  error: unknown,
  ErrorClass?: abstract new (...args: never[]) => E,
  msgMatches?: string | RegExp,
  msg?: string,
) => asserts error is E = real.assertIsError;

/** Fails unless the text matches. */
export const assertMatch: (
  actual: string,
  expected: RegExp,
  msg?: string,
) => void = real.assertMatch;

/** Fails if the text matches. */
export const assertNotMatch: (
  actual: string,
  expected: RegExp,
  msg?: string,
) => void = real.assertNotMatch;

/** Fails unless every property of `expected` is in `actual`, deeply. */
export const assertObjectMatch: (
  actual: Record<PropertyKey, unknown>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
) => void = real.assertObjectMatch;

/** Fails unless the text contains `expected`. */
export const assertStringIncludes: (
  actual: string,
  expected: string,
  msg?: string,
) => void = real.assertStringIncludes;

/** Fails unless `fn` throws, and gives what it threw. */
interface AssertThrows {
  (fn: () => unknown, msg?: string): unknown;
  <E extends Error = Error>(
    fn: () => unknown,
    ErrorClass: abstract new (...args: never[]) => E,
    msgIncludes?: string,
    msg?: string,
  ): E;
}

/** Fails unless `fn` throws, and gives what it threw. */
export const assertThrows: AssertThrows = real.assertThrows;

/** Fails unless the promise of `fn` is rejected, and gives the reason. */
interface AssertRejects {
  (fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
  <E extends Error = Error>(
    fn: () => PromiseLike<unknown>,
    ErrorClass: abstract new (...args: never[]) => E,
    msgIncludes?: string,
    msg?: string,
  ): Promise<E>;
}

/** Fails unless the promise of `fn` is rejected, and gives the reason. */
export const assertRejects: AssertRejects = real.assertRejects;

/** Fails. */
export const fail: (msg?: string) => never = real.fail;

/** Fails where the program should never be. */
export const unreachable: (msg?: string) => never = real.unreachable;

/** Tells whether the two are deeply equal. */
export const equal: (a: unknown, b: unknown) => boolean = real.equal;
