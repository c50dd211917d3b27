import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { StopStrings } from "./stop_strings.ts";

/** Runs pieces through, and gives all that is shown. */
function shown(pieces: readonly string[], strings: readonly string[]): string {
  const stops = new StopStrings(strings);
  let text = "";
  for (const piece of pieces) {
    const found = stops.push(piece);
    text += found.text;
    if (found.stopped) return text;
  }
  return text + stops.flush();
}

Deno.test("StopStrings shows what stands before the first stop string", () => {
  const letter = fc.constantFrom("a", "b", "c");
  const word = fc.string({ unit: letter, minLength: 1, maxLength: 4 });
  fc.assert(fc.property(
    fc.array(fc.string({ unit: letter, maxLength: 3 }), { maxLength: 12 }),
    fc.array(word, { maxLength: 3 }),
    (pieces, strings) => {
      // Where strings overlap, a shorter one that is whole first ends the text.
      const text = pieces.join("");
      const ends = strings.map((string) => text.indexOf(string))
        .filter((place) => place >= 0);
      const got = shown([...text], strings);
      const first = strings.filter((string) => text.includes(string))
        .map((string) => text.indexOf(string) + string.length);
      const end = Math.min(...first);
      const want = ends.length === 0 ? text : text.slice(
        0,
        Math.min(
          ...strings.map((string) => text.slice(0, end).indexOf(string))
            .filter((place) => place >= 0),
        ),
      );
      assertEquals(got, want);
    },
  ));
});

Deno.test("StopStrings holds back only what may become a stop string", () => {
  const stops = new StopStrings(["</end>", "\n\n"]);
  const text = (piece: string) => stops.push(piece).text;
  assertEquals(text("one <"), "one ");
  assertEquals(text("/e"), "");
  assertEquals(text("x\n"), "</ex");
  assertEquals(stops.flush(), "\n");
});

Deno.test("StopStrings refuses an empty string", () => {
  assertThrows(() => new StopStrings([""]), RangeError, "empty string");
});
