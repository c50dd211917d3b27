import type { Storage, TensorSpec } from "@wick/core-tensor";
import { buildPlan, type Plan } from "@wick/graph";
import type { Backend } from "../backend.ts";
import { runPlan } from "../run_plan.ts";
import type { Command, PlainNode, Reply } from "./messages.ts";
import { toPlainError } from "./plain_error.ts";
import { fromPlainGraph } from "./plain_graph.ts";

/** A structure that was sent, planned when it is first run. */
interface ServedGraph {
  readonly nodes: readonly PlainNode[];
  readonly roots: readonly number[];
  plan?: Plan;
}

/** What stands for elements that could not be made. */
class Failure {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/**
 * Does what commands say on a device. Commands without an answer never throw:
 * what fails leaves a failure in the place of its elements, which everything
 * made from them inherits and reading them reports.
 */
export class DeviceServer {
  readonly #backend: Backend;
  readonly #reply: (reply: Reply, transfer?: Transferable[]) => void;
  readonly #values = new Map<number, Storage | Failure>();
  readonly #graphs = new Map<number, ServedGraph>();
  /** Failures of updates, to be told to whoever waits for the elements. */
  readonly #notices = new Map<number, Failure>();
  /** The first failure that nobody was told of. */
  #untold: Failure | undefined;

  /**
   * Makes a server.
   *
   * @param backend The device.
   * @param reply Sends an answer.
   */
  constructor(
    backend: Backend,
    reply: (reply: Reply, transfer?: Transferable[]) => void,
  ) {
    this.#backend = backend;
    this.#reply = reply;
  }

  /**
   * Does what a command says.
   *
   * @param command The command.
   */
  handle(command: Command): void {
    switch (command.kind) {
      case "upload": {
        const { id, values, dtype } = command;
        return this.#make([id], () => [this.#backend.upload(values, dtype)]);
      }
      case "uploadBytes": {
        const { id, bytes, dtype, count } = command;
        return this.#make(
          [id],
          () => [this.#backend.uploadBytes(bytes, dtype, count)],
        );
      }
      case "write":
        return this.#write(command);
      case "graph":
        this.#graphs.set(command.graph, command);
        return;
      case "forget":
        this.#graphs.delete(command.graph);
        return;
      case "evaluate":
        return this.#evaluate(command);
      case "release":
        return command.ids.forEach((id) => this.#release(id));
      case "read": {
        const { id, dtype, count } = command;
        return this.#answer(
          command.request,
          () => this.#backend.read(this.#storage(id), dtype, count),
        );
      }
      case "finish":
        return this.#answer(command.request, async () => {
          for (const id of command.ids) this.#storage(id);
          if (command.ids.length === 0) this.#throwUntold();
          await this.#backend.finish();
          return null;
        });
      case "statistics":
        return this.#answer(
          command.request,
          () => Promise.resolve(this.#backend.statistics()),
        );
    }
  }

  /**
   * Makes elements, or leaves a failure in their place. Elements that are there
   * already stay; that they were not changed is told to the next who waits.
   */
  #make(ids: readonly number[], make: () => readonly Storage[]): void {
    try {
      make().forEach((storage, index) => {
        const id = ids[index]!;
        if (this.#values.has(id)) storage.release();
        else this.#values.set(id, storage);
      });
    } catch (error) {
      const failure = error instanceof Failure ? error : new Failure(error);
      this.#untold ??= failure;
      for (const id of ids) {
        if (this.#values.has(id)) this.#notices.set(id, failure);
        else this.#values.set(id, failure);
      }
    }
  }

  #write({ id, values, dtype }: Command & { readonly kind: "write" }): void {
    try {
      this.#backend.write(this.#requireStorage(id), values, dtype);
    } catch (error) {
      this.#release(id);
      this.#make([id], () => {
        throw error;
      });
    }
  }

  #evaluate(
    { graph, leaves, results }: Command & { readonly kind: "evaluate" },
  ): void {
    this.#make(results, () => {
      const served = this.#graphs.get(graph)!;
      const given = leaves.map((id) => this.#requireStorage(id));
      served.plan ??= buildPlan(
        fromPlainGraph(served.nodes),
        served.roots,
        this.#backend.traits,
      );
      const specs = served.roots.map((root): TensorSpec => served.nodes[root]!);
      return runPlan(this.#backend, served.plan, given, specs);
    });
  }

  #release(id: number): void {
    const value = this.#values.get(id);
    this.#values.delete(id);
    this.#notices.delete(id);
    if (value && !(value instanceof Failure)) value.release();
  }

  /** Elements, or the failure in their place thrown as it is. */
  #requireStorage(id: number): Storage {
    const value = this.#values.get(id)!;
    if (value instanceof Failure) throw value;
    return value;
  }

  /** Elements, or the error for which there are none, thrown. */
  #storage(id: number): Storage {
    const value = this.#values.get(id)!;
    const notice = value instanceof Failure ? value : this.#notices.get(id);
    this.#notices.delete(id);
    if (notice && this.#untold === notice) this.#untold = undefined;
    if (notice) throw notice.error;
    return this.#requireStorage(id);
  }

  #throwUntold(): void {
    const untold = this.#untold;
    this.#untold = undefined;
    if (untold) throw untold.error;
  }

  #answer(
    request: number,
    work: () => Promise<(Reply & { readonly kind: "done" })["value"]>,
  ): void {
    // Started now, not in a later turn: the order of commands is the order of
    // what the device does.
    started(work).then(
      (value) =>
        this.#reply(
          { kind: "done", request, value },
          ArrayBuffer.isView(value) ? [value.buffer] : [],
        ),
      (error) =>
        this.#reply({ kind: "failed", request, error: toPlainError(error) }),
    );
  }
}

/** Starts work now; what it throws is a rejection. */
async function started<Result>(work: () => Promise<Result>): Promise<Result> {
  return await work();
}
