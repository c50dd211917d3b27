import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { PlanTimes } from "./plan_times.ts";

/** Lets a group run whose plans take some milliseconds; gives the wait. */
function run(times: PlanTimes, plans: Record<string, number>): number {
  for (const key of Object.keys(plans)) times.start(key, 1000);
  const wake = Math.max(times.wakeAt(), 1000);
  const done = Object.values(plans).reduce((sum, took) => sum + took, 1000);
  const waited = Math.max(0, done - wake);
  times.learn(times.take(), Math.max(done, wake), waited);
  return waited;
}

Deno.test("PlanTimes waits at once for what it does not know", () => {
  assertEquals(run(new PlanTimes(), { a: 500 }), 500);
});

Deno.test("PlanTimes wakes shortly before what it knows is due", () => {
  const times = new PlanTimes();
  for (let i = 0; i < 20; i++) run(times, { a: 500 });
  const waited = run(times, { a: 500 });
  assert(waited > 0 && waited < 5, `${waited}`);
});

Deno.test("PlanTimes follows work that gets slower and faster", () => {
  const times = new PlanTimes();
  for (const took of [100, 200, 50]) {
    for (let i = 0; i < 60; i++) run(times, { a: took });
    const waited = run(times, { a: took });
    assert(waited < 6, `${took}: ${waited}`);
    times.start("a", 0);
    assertAlmostEquals(times.wakeAt(), took, 8);
    times.take();
  }
});

Deno.test("PlanTimes adds up what is under way, and shares what is new", () => {
  const times = new PlanTimes();
  run(times, { a: 40 });
  run(times, { b: 160 });
  // A stranger has what the others leave of the whole.
  run(times, { a: 40, c: 300 });
  for (let i = 0; i < 20; i++) run(times, { a: 40, b: 160, c: 300 });
  const waited = run(times, { a: 40, b: 160, c: 300 });
  assert(waited < 15, `${waited}`);
  times.start("a", 0);
  assertAlmostEquals(times.wakeAt(), 40, 8);
});

Deno.test("PlanTimes never wakes before the start for long", () => {
  const times = new PlanTimes();
  for (let i = 0; i < 50; i++) run(times, { a: 0.2 });
  times.start("a", 70);
  assert(times.wakeAt() <= 70.2);
});
