import { assertClose } from "@wick/testing";
import { isJsonObject } from "@wick/models";
import { assert } from "@std/assert";
import { learningRateAt, SCHEDULE_KINDS } from "./mod.ts";

// What transformers' schedules gave in the golden training runs.
for (const name of ["tiny-llama--lora-qv", "tiny-llama--lora-all-accum"]) {
  Deno.test(`learningRateAt() gives the rates of ${name}`, async () => {
    const url = new URL(
      `../../testdata/conformance/training/${name}/run.json`,
      import.meta.url,
    );
    const run: unknown = JSON.parse(await Deno.readTextFile(url));
    assert(isJsonObject(run));
    const kind = SCHEDULE_KINDS.find((kind) => kind === run["schedule"]);
    assert(kind !== undefined);
    const rates = run["learning_rates"];
    assert(Array.isArray(rates));
    const schedule = {
      kind,
      learningRate: Number(run["learning_rate"]),
      warmupSteps: Number(run["warmup_steps"]),
      steps: Number(run["steps"]),
    };
    assertClose(
      rates.map((_, step) => learningRateAt(schedule, step)),
      rates.map(Number),
      { rtol: 1e-12 },
    );
  });
}
