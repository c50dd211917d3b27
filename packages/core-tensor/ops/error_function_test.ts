import { assertClose } from "@wick/testing";
import { errorFunction } from "./error_function.ts";

// Values of NIST's tables and of mpmath.
const VALUES: readonly (readonly [number, number])[] = [
  [0, 0],
  [1e-9, 1.1283791670955126e-9],
  [0.5, 0.5204998778130465],
  [1, 0.8427007929497149],
  [2.9, 0.9999589021219006],
  [3.1, 0.9999883513426328],
  [5, 0.9999999999984626],
  [50, 1],
];

Deno.test("errorFunction() agrees with tables, and is odd", () => {
  const want = VALUES.map(([, y]) => y);
  const tolerance = { rtol: 1e-14 };
  assertClose(VALUES.map(([x]) => errorFunction(x)), want, tolerance);
  assertClose(VALUES.map(([x]) => -errorFunction(-x)), want, tolerance);
});

Deno.test("errorFunction() gives NaN for NaN", () => {
  assertClose([errorFunction(NaN)], [NaN]);
});
