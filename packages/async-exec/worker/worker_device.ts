import {
  byteLength,
  type DType,
  elementCount,
  type EvaluateOptions,
  type Executor,
  type HostArray,
  knownTensor,
  type Shape,
  type Storage,
  type Tensor,
} from "@wick/core-tensor";
import {
  ComputationGraph,
  type RootBytes,
  rootBytes,
  structureOf,
} from "@wick/graph";
import type { DeviceStatistics } from "../backend.ts";
import type { TensorOptions } from "../device.ts";
import { hostArray, type NestedNumbers } from "../host_array.ts";
import { RecentMap } from "../recent_map.ts";
import { untilAborted } from "../until_aborted.ts";
import type { Answer, Connection } from "./connection.ts";
import type { Command, DeviceDescription } from "./messages.ts";
import { toPlainGraph } from "./plain_graph.ts";
import { RemoteStorage } from "./remote_storage.ts";

/** A structure that the worker knows. */
interface SentGraph {
  /** Its number there. */
  readonly graph: number;
  /** Which bytes each root shares. */
  readonly bytes: readonly RootBytes[];
}

// As many structures as a device keeps plans.
const MAX_GRAPHS = 512;

/**
 * A device that lives in a worker, so that the event loop stays live while it
 * computes. Get one from `openWorkerDevice()` and close it by scope.
 *
 * An evaluation is sent and settles its tensors at once; what goes wrong in the
 * worker rejects the next call that waits for them, with the class and the
 * message of the error there.
 */
export class WorkerDevice implements Executor {
  /** Whether operations are evaluated as they are recorded: never. */
  readonly evaluatesEagerly = false;
  /** `"webgpu"` or `"cpu"`. */
  readonly name: "webgpu" | "cpu";
  /** What the device is, for people. */
  readonly description: string;
  readonly #connection: Connection;
  readonly #graphs: RecentMap<string, SentGraph>;
  #nextId = 0;
  #nextGraph = 0;

  /**
   * Use `openWorkerDevice()` instead.
   *
   * @param connection The way to the worker.
   * @param description What its device is.
   */
  constructor(connection: Connection, description: DeviceDescription) {
    this.#connection = connection;
    this.name = description.name;
    this.description = `${description.description}, in a worker`;
    this.#graphs = new RecentMap(
      MAX_GRAPHS,
      ({ graph }) => connection.post({ kind: "forget", graph }),
    );
  }

  /** What tells tensors of one device from those of another. */
  get device(): object {
    return this;
  }

  /**
   * Puts values on the device.
   *
   * @param values Numbers, nested arrays of them, or a typed array.
   * @param options Shape and type.
   * @returns The known tensor.
   * @throws {RangeError} If the values do not fill the shape.
   */
  tensor(values: NestedNumbers, options: TensorOptions = {}): Tensor {
    const { array, shape, dtype } = hostArray(values, options);
    const { trainable = false } = options;
    const storage = this.upload(array, dtype);
    return knownTensor(storage, shape, dtype, this, { trainable });
  }

  /**
   * Puts the bytes of a file on the device, 16-bit floats as they are.
   *
   * @param bytes Little-endian elements, row by row.
   * @param shape The size along each axis.
   * @param dtype The element type, not `bool`.
   * @returns The known tensor.
   */
  tensorFromBytes(bytes: Uint8Array, shape: Shape, dtype: DType): Tensor {
    const count = elementCount(shape);
    const own = Uint8Array.from(bytes);
    const storage = this.#storage(dtype, count);
    const { id } = storage;
    this.#connection.post(
      { kind: "uploadBytes", id, bytes: own, dtype, count },
      [own.buffer],
    );
    return knownTensor(storage, shape, dtype, this);
  }

  /**
   * Makes a known tensor of zeros.
   *
   * @param shape The size along each axis.
   * @param options Type, and whether it is trained.
   * @returns The tensor.
   */
  zeros(shape: Shape, options: Omit<TensorOptions, "shape"> = {}): Tensor {
    const zeros = new Float32Array(elementCount(shape));
    return this.tensor(zeros, { dtype: "f32", ...options, shape });
  }

  /**
   * Overwrites the elements of a known tensor, in place: every tensor that
   * shares them sees the new ones.
   *
   * @param tensor The tensor.
   * @param values As many values as it has elements.
   * @throws {TypeError} If the tensor is not known.
   * @throws {RangeError} If there are more or fewer values.
   */
  write(tensor: Tensor, values: NestedNumbers): void {
    const { shape, dtype } = tensor;
    const { id } = this.#requireStorage(tensor, "write");
    const { array } = hostArray(values, { shape, dtype });
    const own = array.slice();
    this.#connection.post(
      { kind: "write", id, values: own, dtype },
      [own.buffer],
    );
  }

  /** See {@linkcode Executor.upload}. */
  upload(values: HostArray, dtype: DType): Storage {
    const own = values.slice();
    const storage = this.#storage(dtype, values.length);
    const { id } = storage;
    this.#connection.post(
      { kind: "upload", id, values: own, dtype },
      [own.buffer],
    );
    return storage;
  }

  /**
   * Sends tensors to be evaluated and settles them, without waiting.
   *
   * @param tensors The recorded tensors.
   * @throws {TypeError} If one has an operation that is none of
   *   `@wick/core-tensor`.
   */
  evaluate(tensors: readonly Tensor[]): void {
    const open = [...new Set(tensors)].filter((tensor) => !tensor.known);
    if (open.length === 0) return;
    const { key, leaves, roots } = structureOf(open);
    const given = leaves.map((leaf) => this.#requireStorage(leaf, "use"));
    const { graph, bytes } = this.#graphs.getOrMake(
      key,
      () => this.#sendGraph(roots),
    );
    const storages: RemoteStorage[] = [];
    bytes.forEach(({ kind, index }, root) => {
      const { dtype, size } = roots[root]!;
      const shared = kind === "leaf" ? given[index] : storages[index];
      shared?.retain();
      storages.push(shared ?? this.#storage(dtype, size));
    });
    this.#connection.post({
      kind: "evaluate",
      graph,
      leaves: given.map(({ id }) => id),
      results: storages.map(({ id }) => id),
    });
    this.#connection.flush();
    roots.forEach((tensor, index) => tensor.settle(storages[index]!));
  }

  /** See {@linkcode Executor.evaluateAsync}. */
  async evaluateAsync(
    tensors: readonly Tensor[],
    options: EvaluateOptions = {},
  ): Promise<void> {
    const { signal } = options;
    signal?.throwIfAborted();
    this.evaluate(tensors);
    const ids = tensors.map((tensor) =>
      this.#requireStorage(tensor, "evaluate").id
    );
    const done = this.#request((request) => ({ kind: "finish", request, ids }));
    await untilAborted(done, signal);
  }

  /** See {@linkcode Executor.read}. */
  async read(tensor: Tensor): Promise<HostArray> {
    const { dtype, size: count } = tensor;
    const { id } = this.#requireStorage(tensor, "read");
    const values = await this.#request((request) => ({
      kind: "read",
      request,
      id,
      dtype,
      count,
    }));
    if (ArrayBuffer.isView(values)) return values;
    throw new TypeError("Cannot read from the worker: it sent no elements");
  }

  /**
   * Waits until all that was sent is done.
   *
   * @throws {Error} If something failed that nobody has been told of.
   */
  async finish(): Promise<void> {
    await this.evaluateAsync([]);
  }

  /**
   * Asks what the device holds and did.
   *
   * @returns The counts.
   */
  async statistics(): Promise<DeviceStatistics> {
    const counts = await this.#request((request) => ({
      kind: "statistics",
      request,
    }));
    if (counts && "dispatches" in counts) return counts;
    throw new TypeError("Cannot count in the worker: it sent no counts");
  }

  /** Ends the worker; tensors of the device are of no use after. */
  close(): void {
    this.#connection.close();
  }

  /** The same as {@linkcode WorkerDevice.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #request(make: (request: number) => Command): Promise<Answer> {
    return this.#connection.request(make);
  }

  #storage(dtype: DType, count: number): RemoteStorage {
    return new RemoteStorage(
      this.#nextId++,
      byteLength(dtype, count),
      this.#connection,
    );
  }

  /** Sends a structure, which evaluations then name by its number. */
  #sendGraph(tensors: readonly Tensor[]): SentGraph {
    const { graph, roots } = ComputationGraph.trace(tensors);
    const nodes = toPlainGraph(graph);
    const sent = { graph: this.#nextGraph++, bytes: rootBytes(graph, roots) };
    this.#connection.post({ kind: "graph", graph: sent.graph, nodes, roots });
    return sent;
  }

  #requireStorage(tensor: Tensor, what: string): RemoteStorage {
    const { storage } = tensor;
    const remote = storage instanceof RemoteStorage;
    if (remote && storage.isAt(this.#connection)) return storage;
    tensor.requireExecutor(what);
    throw new TypeError(
      storage
        ? `Cannot ${what} the bytes of another device in this worker`
        : `Cannot ${what} a recorded tensor of [${tensor.shape}]: evaluate it first`,
    );
  }
}
