import { assertEquals } from "@std/assert";
import { takeTuned } from "./tuned_choice.ts";

const WORK = { key: "rows 8x8", operations: 64 };
const [USUAL, OTHER] = [{ name: "4x2" }, { name: "8x1" }];

Deno.test("takeTuned() takes what was measured, or else the default", () => {
  const choices = [USUAL, OTHER] as const;
  const take = (tuned?: [string, string][]) =>
    takeTuned({ ...(tuned && { tuned: new Map(tuned) }) }, choices, WORK);
  assertEquals(take().chosen, USUAL);
  assertEquals(take([["rows 8x8", "8x1"]]).chosen, OTHER);
  assertEquals(take([["rows 4x4", "8x1"]]).chosen, USUAL);
  // What this device cannot do.
  assertEquals(take([["rows 8x8", "64x1"]]).chosen, USUAL);
  assertEquals(take([["rows 8x8", "8x1"]]).tuning, {
    ...WORK,
    choices: ["4x2", "8x1"],
    choice: "8x1",
  });
});

Deno.test("takeTuned() names each way once, and nothing where there is one", () => {
  assertEquals(takeTuned({}, [USUAL, USUAL], WORK).tuning, undefined);
  assertEquals(
    takeTuned({}, [USUAL, OTHER, USUAL], WORK).tuning?.choices,
    ["4x2", "8x1"],
  );
});
