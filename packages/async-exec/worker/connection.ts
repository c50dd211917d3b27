import type { DeviceStatistics } from "../backend.ts";
import type { HostArray } from "@wick/core-tensor";
import { DeviceLostError } from "../device_lost_error.ts";
import type { Command, DeviceDescription, Reply } from "./messages.ts";
import { fromPlainError } from "./plain_error.ts";
import { terminateWorker } from "./terminate_worker.ts";

/** What a worker answers. */
export type Answer = HostArray | DeviceStatistics | DeviceDescription | null;

interface Pending {
  resolve(value: Answer): void;
  reject(error: Error): void;
}

/**
 * The main thread's end of a device in a worker: sends commands in batches and
 * hands answers to those who wait. When the worker ends, all who wait hear it.
 */
export class Connection {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #pending = new Map<number, Pending>();
  #outbox: Command[] = [];
  #transfer: Transferable[] = [];
  #released: number[] = [];
  #flushing = false;
  #nextRequest = 1;
  #end: DeviceLostError | undefined;

  /**
   * Takes over a worker.
   *
   * @param worker The worker.
   * @param port The way to it.
   */
  constructor(worker: Worker, port: MessagePort) {
    this.#worker = worker;
    this.#port = port;
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#fail(
        `Cannot go on: the worker of the device ended: ${event.message}`,
      );
    });
    worker.addEventListener(
      "messageerror",
      () => this.#fail("Cannot go on: the worker of the device is out of step"),
    );
    port.onmessage = ({ data }) => this.#settle(data);
  }

  /**
   * Sends a command, at the latest at the end of this turn.
   *
   * @param command The command.
   * @param transfer What is handed over instead of copied.
   * @throws {DeviceLostError} If the worker ended.
   */
  post(command: Command, transfer: readonly Transferable[] = []): void {
    this.#requireOpen();
    this.#add(command, transfer);
    this.#flushSoon();
  }

  /** Sends what was posted now, so that the worker can start. */
  flush(): void {
    if (this.#end) return;
    if (this.#released.length > 0) {
      this.#add({ kind: "release", ids: this.#released }, []);
      this.#released = [];
    }
    if (this.#outbox.length === 0) return;
    this.#port.postMessage(this.#outbox, this.#transfer);
    this.#outbox = [];
    this.#transfer = [];
  }

  /**
   * Says that elements are no longer needed. Sent in one message a turn.
   *
   * @param id The elements.
   */
  release(id: number): void {
    if (this.#end) return;
    this.#released.push(id);
    this.#flushSoon();
  }

  /**
   * Sends a command and waits for its answer.
   *
   * @param make Makes the command.
   * @returns The answer.
   */
  request(make: (request: number) => Command): Promise<Answer> {
    return this.wait(
      this.#nextRequest++,
      (request) => this.post(make(request)),
    );
  }

  /**
   * Waits for an answer.
   *
   * @param request What is answered.
   * @param send Asks for it.
   * @returns The answer.
   */
  wait(request: number, send: (request: number) => void): Promise<Answer> {
    return new Promise((resolve, reject) => {
      send(request);
      this.#pending.set(request, { resolve, reject });
    });
  }

  /** Ends the worker; all who wait hear that the device was closed. */
  close(): void {
    this.#fail("Cannot use a device after it was closed: open another one");
  }

  #add(command: Command, transfer: readonly Transferable[]): void {
    this.#outbox.push(command);
    this.#transfer.push(...transfer);
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.flush();
    });
  }

  #requireOpen(): void {
    if (this.#end) throw new DeviceLostError(this.#end.message);
  }

  #settle(reply: Reply): void {
    const pending = this.#pending.get(reply.request);
    this.#pending.delete(reply.request);
    if (reply.kind === "done") pending?.resolve(reply.value);
    else pending?.reject(fromPlainError(reply.error));
  }

  #fail(message: string): void {
    if (this.#end) return;
    this.#end = new DeviceLostError(message);
    this.#port.close();
    terminateWorker(this.#worker);
    for (const { reject } of this.#pending.values()) {
      reject(new DeviceLostError(message));
    }
    this.#pending.clear();
  }
}
