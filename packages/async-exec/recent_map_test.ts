import { assertEquals } from "@std/assert";
import { RecentMap } from "./recent_map.ts";

Deno.test("RecentMap makes each entry once and drops the one not used for longest", () => {
  const dropped: string[] = [];
  const made: string[] = [];
  const map = new RecentMap<string, string>(2, (value) => dropped.push(value));
  const get = (key: string): string =>
    map.getOrMake(key, () => {
      made.push(key);
      return key.toUpperCase();
    });
  assertEquals([get("a"), get("b"), get("a"), get("c")], ["A", "B", "A", "C"]);
  assertEquals(dropped, ["B"]);
  assertEquals([get("a"), get("b")], ["A", "B"]);
  assertEquals(made, ["a", "b", "c", "b"]);
  assertEquals(dropped, ["B", "C"]);
  map.clear();
  get("b");
  assertEquals(made, ["a", "b", "c", "b", "b"]);
});
