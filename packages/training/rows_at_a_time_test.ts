import { assertEquals } from "@std/assert";
import { rowsAtATime } from "./rows_at_a_time.ts";

Deno.test("rowsAtATime() takes all rows where there is room", () => {
  assertEquals(rowsAtATime(512, 512), 512);
  assertEquals(rowsAtATime(3, 441.5), 3);
});

Deno.test("rowsAtATime() makes equal parts of whole tiles", () => {
  assertEquals(rowsAtATime(512, 441.8), 256);
  assertEquals(rowsAtATime(1152, 441.8), 384);
  assertEquals(rowsAtATime(600, 441.8), 320);
});

Deno.test("rowsAtATime() never takes more than there is room for", () => {
  assertEquals(rowsAtATime(512, 110.4), 64);
  assertEquals(rowsAtATime(860, 441.8), 384);
});

Deno.test("rowsAtATime() makes equal parts where there is no room for a tile", () => {
  assertEquals(rowsAtATime(100, 40), 34);
  assertEquals(rowsAtATime(5, 0.5), 1);
});
