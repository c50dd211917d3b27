import { assertEquals } from "@std/assert";
import { parseSummary } from "./parse_summary.ts";

Deno.test("parseSummary() reads every form of the line", () => {
  assertEquals(parseSummary("x ... ok\n\nok | 2 passed | 0 failed (3ms)\n"), {
    passed: 2,
    failed: 0,
    skipped: 0,
  });
  assertEquals(
    parseSummary(
      "FAILED | 14 passed (3 steps) | 2 failed (1 step) | 5 ignored | 1 measured | 7 filtered out (1m2s)\n",
    ),
    { passed: 14, failed: 2, skipped: 5 },
  );
});

Deno.test("parseSummary() takes the last line, without colours", () => {
  const inner = "ok | 1 passed | 0 failed (1ms)\n";
  assertEquals(
    parseSummary(
      `${inner}\u001b[0m\u001b[31mFAILED\u001b[0m | 3 passed | 1 failed \u001b[0m(2ms)\n`,
    ),
    { passed: 3, failed: 1, skipped: 0 },
  );
});

Deno.test("parseSummary() tells a run that ended early", () => {
  assertEquals(parseSummary("running 3 tests\nx ... ok\n"), undefined);
});
