import { assertEquals } from "@std/assert";
import { TEST_DEVICES } from "@wick/testing";
import { CASE_KINDS, type CaseKind } from "./case_result.ts";
import { runConformance } from "./run_conformance.ts";

const TESTDATA = `${import.meta.dirname}/../../testdata`;

/** How many cases each folder has, so that none can go missing unseen. */
const FOLDERS: Readonly<Record<string, Partial<Record<CaseKind, number>>>> = {
  conformance: {
    ops: 74,
    models: 3,
    adapters: 29,
    training: 6,
    embeddings: 1,
    tokenizers: 2,
  },
  variants: { models: 5, embeddings: 3, tokenizers: 4 },
};

const RUNS = Object.entries(FOLDERS).flatMap(([folder, counts]) =>
  CASE_KINDS.flatMap((kind) => {
    const count = counts[kind];
    return count === undefined ? [] : [{ folder, kind, count }];
  })
);

for (const { name, ignore, open } of TEST_DEVICES) {
  for (const { folder, kind, count } of RUNS) {
    Deno.test(
      `golden ${kind} of ${folder} on ${name}`,
      { ignore },
      async () => {
        const { cases } = await runConformance(
          `${TESTDATA}/${folder}`,
          await open(),
          { only: kind },
        );
        assertEquals(
          cases.filter(({ passed }) => !passed)
            .map((failed) => `${failed.name}: ${failed.message}`),
          [],
        );
        assertEquals(cases.length, count);
      },
    );
  }
}
