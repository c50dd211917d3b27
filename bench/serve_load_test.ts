import { assertEquals, assertGreater, assertLess } from "@std/assert";

const PROGRAM = new URL("./serve_load.ts", import.meta.url).pathname;

Deno.test({
  name: "the server under load answers each client as if it were alone",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-prompt", "--quiet", PROGRAM, "10", "64"],
    }).output();
    const text = new TextDecoder();
    const seen = JSON.parse(text.decode(stdout) || text.decode(stderr));
    const { wrong, bad, endless, running, waiting, deviceGrowthBytes } = seen;
    assertEquals(
      { wrong, bad, endless, running, waiting, deviceGrowthBytes },
      {
        wrong: 0,
        bad: 1000,
        endless: 8,
        running: 0,
        waiting: 0,
        deviceGrowthBytes: 0,
      },
    );
    assertGreater(seen.answers, 64);
    assertGreater(seen.left, 0);
    assertLess(seen.residentGrowthBytes, 2 ** 27);
  },
});
