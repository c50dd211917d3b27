import { assertEquals } from "@std/assert";
import { TEST_DEVICES } from "@wick/testing";
import { CASE_KINDS, type CaseKind } from "./case_result.ts";
import { runConformance } from "./run_conformance.ts";

const FOLDER = `${import.meta.dirname}/../../testdata/conformance`;

/** How many cases are left, so that none can go missing unseen. */
const COUNTS: Readonly<Record<CaseKind, number>> = {
  ops: 74,
  models: 3,
  adapters: 18,
  training: 6,
};

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const kind of CASE_KINDS) {
    Deno.test(`golden ${kind} on ${name}`, { ignore }, async () => {
      const { cases } = await runConformance(FOLDER, await open(), {
        only: kind,
      });
      assertEquals(
        cases.filter(({ passed }) => !passed)
          .map((failed) => `${failed.name}: ${failed.message}`),
        [],
      );
      assertEquals(cases.length, COUNTS[kind]);
    });
  }
}
