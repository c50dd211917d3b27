/**
 * Assertions and fixtures for numerical tests. Nothing here is for programs.
 *
 * ```ts
 * import { assertClose } from "@wick/testing";
 *
 * assertClose([0.1 + 0.2], [0.3]);
 * ```
 *
 * @module
 */
export { assertClose } from "./assert_close.ts";
export { type Tolerance, TOLERANCES } from "./tolerances.ts";
export { given } from "./given.ts";
export { input, random, type RandomOptions, type TestInput } from "./random.ts";
export { evaluateReference } from "./evaluate_reference.ts";
export { TEST_DEVICES, type TestDevice } from "./devices.ts";
export { testOp, type TestOpOptions } from "./test_op.ts";
