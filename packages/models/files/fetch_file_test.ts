import { assert, assertEquals } from "@std/assert";
import { failure } from "./failure.ts";
import { fetchFile } from "./fetch_file.ts";
import { FileFormatError } from "./file_format_error.ts";

function serve(status: number): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("abc", { status }),
  );
}

Deno.test("fetchFile() gives the bytes that a server sends", async () => {
  await using server = serve(200);
  const blob = await fetchFile(`http://127.0.0.1:${server.addr.port}/a`);
  assertEquals(await blob.text(), "abc");
});

for (
  const [status, missing] of [[404, true], [410, true], [500, false]] as const
) {
  Deno.test(`fetchFile() refuses an answer of ${status}`, async () => {
    await using server = serve(status);
    const address = `http://127.0.0.1:${server.addr.port}/a`;
    try {
      await fetchFile(address);
    } catch (error) {
      assert(error instanceof FileFormatError);
      assertEquals(
        [error.message, error.missing],
        [`Cannot read ${address}: the server answers ${status}`, missing],
      );
      return;
    }
    throw new Error("Expected a FileFormatError: nothing was thrown");
  });
}

Deno.test("fetchFile() says which address cannot be reached", async () => {
  const server = serve(200);
  const address = `http://127.0.0.1:${server.addr.port}/a`;
  await server.shutdown();
  const message = await failure(fetchFile(address));
  const start = `Cannot read ${address}: it cannot be fetched (`;
  assertEquals(message.slice(0, start.length), start);
});
