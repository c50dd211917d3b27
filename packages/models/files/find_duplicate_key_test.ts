import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { findDuplicateKey } from "./find_duplicate_key.ts";

Deno.test("findDuplicateKey() finds a key that stands twice at any depth", () => {
  assertEquals(findDuplicateKey('{"a":1,"a":2}'), "a");
  assertEquals(findDuplicateKey('{"x":[{"b":1},{"b":1,"c":[],"b":2}]}'), "b");
  assertEquals(findDuplicateKey('{"x":{"y":{}}, "z":"w", "x":0}'), "x");
});

Deno.test("findDuplicateKey() compares what keys mean, not how they are spelt", () => {
  assertEquals(findDuplicateKey(String.raw`{"a":1,"\u0061":2}`), "a");
  assertEquals(findDuplicateKey(String.raw`{"q\"":1,"q\u0022":2}`), 'q"');
  assertEquals(findDuplicateKey(String.raw`{"\\":1,"\\\\":2}`), undefined);
});

Deno.test("findDuplicateKey() is not misled by values, lists and nested keys", () => {
  const json = '{"a":"a","b":["a","a",{"a":"b"}],"c":{"a":{"a":"},{"}}}';
  assertEquals(findDuplicateKey(json), undefined);
  assertEquals(findDuplicateKey("[]"), undefined);
});

Deno.test("findDuplicateKey() finds none in what JSON.stringify writes", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    assertEquals(findDuplicateKey(JSON.stringify(value)), undefined);
  }));
});

Deno.test("findDuplicateKey() does not run out of stack", () => {
  const depth = 200000;
  const json = '{"a":['.repeat(depth) + "]}".repeat(depth);
  assertEquals(findDuplicateKey(json), undefined);
});
