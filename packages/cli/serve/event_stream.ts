/**
 * Answers with server-sent events, as OpenAI's API spells them: each a line of
 * JSON after `data:`, the last one `[DONE]`.
 *
 * @see {@link https://html.spec.whatwg.org/multipage/server-sent-events.html | Server-sent events}
 *
 * @param produce Sends values until it is done. It must not throw.
 * @param leave Called when the client has left.
 * @returns The response.
 */
export function eventStream(
  produce: (send: (value: unknown) => void) => Promise<void>,
  leave: () => void,
): Response {
  const encoder = new TextEncoder();
  let left = false;
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const write = (text: string): void => {
        if (!left) controller.enqueue(encoder.encode(`data: ${text}\n\n`));
      };
      await Promise.resolve();
      produce((value) => write(JSON.stringify(value))).then(() => {
        write("[DONE]");
        if (!left) controller.close();
      });
    },
    cancel() {
      left = true;
      leave();
    },
  });
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      // Proxies that buffer would send all pieces at once.
      "x-accel-buffering": "no",
    },
  });
}
