import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  elementDifference,
  normDifference,
  shapeDifference,
} from "./difference.ts";

const BOUND = { rtol: 0.1, atol: 0.01 };

Deno.test("elementDifference() holds at the bound and not beyond", () => {
  const within = elementDifference("y", [1.1, 0.01], [1, 0], BOUND);
  assertEquals(within.problem, undefined);
  const beyond = elementDifference("y", [1, 5, 1.2], [1, 5, 1], BOUND);
  assertEquals(
    beyond.problem,
    "1 of 3 values of y are off, worst at 2: got 1.2, want 1",
  );
});

Deno.test("elementDifference() takes NaN and infinity only where wanted", () => {
  const same = [NaN, Infinity, -Infinity];
  assertEquals(elementDifference("y", same, same, BOUND).problem, undefined);
  for (const [got, want] of [[NaN, 1], [1, NaN], [Infinity, -Infinity]]) {
    const { problem, absolute } = elementDifference(
      "y",
      [got!],
      [want!],
      BOUND,
    );
    assertStringIncludes(problem ?? "", "1 of 1 values of y are off");
    assertEquals(absolute, Infinity);
  }
});

Deno.test("elementDifference() counts elements", () => {
  const { problem } = elementDifference("y", [1], [1, 2], BOUND);
  assertEquals(problem, "y has 1 elements, not 2");
});

Deno.test("elementDifference() takes exact values with no bound", () => {
  const exact = { rtol: 0, atol: 0 };
  assertEquals(elementDifference("y", [3], [3], exact).problem, undefined);
  assertStringIncludes(
    elementDifference("y", [4], [3], exact).problem ?? "",
    "got 4, want 3",
  );
});

Deno.test("normDifference() measures the whole tensor", () => {
  const { relative, problem } = normDifference("w", [3, 4.5], [3, 4], 0.05);
  assertEquals(relative, 0.1);
  assertStringIncludes(problem ?? "", "w is off by 1.00e-1 of its norm");
  assertEquals(normDifference("w", [3, 4.5], [3, 4], 0.1).problem, undefined);
  assertEquals(normDifference("w", [0], [0], 0.1).problem, undefined);
  for (const got of [[1, 0], [NaN, 0]]) {
    const { problem } = normDifference("w", got, [0, 0], 0.1);
    assertStringIncludes(problem ?? "", "w");
  }
});

Deno.test("shapeDifference() names both shapes", () => {
  assertEquals(shapeDifference("y", [2, 3], [2, 3]), []);
  assertEquals(
    shapeDifference("y", [3, 2], [2, 3]).map(({ problem }) => problem),
    ["y is [3,2] where [2,3] is wanted"],
  );
});
