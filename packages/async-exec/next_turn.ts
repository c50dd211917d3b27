/**
 * Waits for the next turn of the event loop, so that timers, requests and
 * other waiting code come first. A message to oneself takes 30 µs in Deno,
 * where a timer of 0 ms takes 2 ms.
 *
 * @returns When the turn has come.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      // One that stays open takes 5 KB in Deno.
      port2.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
