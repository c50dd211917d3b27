import type { DType, HostArray } from "./dtype.ts";
import type { Shape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** Bytes on a device that hold the value of a tensor. */
export interface Storage {
  /** How many bytes. */
  readonly byteLength: number;
  /** Adds an owner. */
  retain(): void;
  /** Drops an owner; the last one gives the bytes back. */
  release(): void;
}

/** Options of an evaluation that is waited for. */
export interface EvaluateOptions {
  /** Stops waiting, and running where that is possible, when it aborts. */
  readonly signal?: AbortSignal;
}

/** What evaluates tensors: a device, or a proxy of one. */
export interface Executor {
  /** A name for messages. */
  readonly name: string;
  /** Whether an operation is evaluated as soon as it is recorded. */
  readonly evaluatesEagerly: boolean;
  /** What tells executors of one device from those of another. */
  readonly device: object;
  /** Whether to wait for it holds up the thread; it does not if absent. */
  readonly holdsUpThread?: boolean;
  /** How many evaluations under way at once are best, if it knows. */
  readonly bestInFlight?: number;
  /** Puts values on the device. */
  upload(values: HostArray, dtype: DType, shape: Shape): Storage;
  /** Starts the evaluation of tensors; does not wait for the device. */
  evaluate(tensors: readonly Tensor[]): void;
  /** Evaluates tensors and waits until the device is done. */
  evaluateAsync(
    tensors: readonly Tensor[],
    options?: EvaluateOptions,
  ): Promise<void>;
  /** Reads the values of a tensor that is known. */
  read(tensor: Tensor): Promise<HostArray>;
}
