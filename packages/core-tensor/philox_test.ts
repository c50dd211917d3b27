import { assertEquals } from "@std/assert";
import { philox } from "./philox.ts";

// The known answers of Random123, the authors' library.
Deno.test("philox() gives the known answers", () => {
  assertEquals(philox([0, 0, 0, 0], 0, 0), [
    0x6627e8d5,
    0xe169c58d,
    0xbc57ac4c,
    0x9b00dbd8,
  ]);
  const ones = 0xffffffff;
  assertEquals(philox([ones, ones, ones, ones], ones, ones), [
    0x408f276d,
    0x41c83b0e,
    0xa20bc7c6,
    0x6d5451fd,
  ]);
  assertEquals(
    philox(
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      0xa4093822,
      0x299f31d0,
    ),
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  );
});
