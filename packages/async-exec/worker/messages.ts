import type { DType, HostArray, Shape } from "@wick/core-tensor";
import type { DeviceStatistics } from "../backend.ts";
import type { OpenDeviceOptions } from "../open_device.ts";

/** A node of a graph with its operation by name. */
export interface PlainNode {
  /** The name of the operation; absent on what is given. */
  readonly operation: string | undefined;
  /** The nodes that it is applied to. */
  readonly inputs: readonly number[];
  /** The options of the operation. */
  readonly attributes: unknown;
  /** The size along each axis. */
  readonly shape: Shape;
  /** The element type. */
  readonly dtype: DType;
}

/** What starts a worker; a port for the rest comes with it. */
export interface StartMessage {
  /** Which device to open. */
  readonly options: OpenDeviceOptions;
}

/**
 * What the worker is to do. Results that share bytes with a leaf or another
 * result have its id. `id` names elements on its device, `graph` a
 * structure that was sent once, `request` what is answered.
 */
export type Command =
  | {
    readonly kind: "upload";
    readonly id: number;
    readonly values: HostArray;
    readonly dtype: DType;
  }
  | {
    readonly kind: "uploadBytes";
    readonly id: number;
    readonly bytes: Uint8Array<ArrayBuffer>;
    readonly dtype: DType;
    readonly count: number;
  }
  | {
    readonly kind: "write";
    readonly id: number;
    readonly values: HostArray;
    readonly dtype: DType;
  }
  | {
    readonly kind: "graph";
    readonly graph: number;
    readonly nodes: readonly PlainNode[];
    readonly roots: readonly number[];
  }
  | { readonly kind: "forget"; readonly graph: number }
  | {
    readonly kind: "evaluate";
    readonly graph: number;
    readonly leaves: readonly number[];
    readonly results: readonly number[];
  }
  | { readonly kind: "release"; readonly ids: readonly number[] }
  | {
    readonly kind: "read";
    readonly request: number;
    readonly id: number;
    readonly dtype: DType;
    readonly count: number;
  }
  | {
    readonly kind: "finish";
    readonly request: number;
    readonly ids: readonly number[];
  }
  | { readonly kind: "statistics"; readonly request: number };

/** What a device in a worker is. */
export interface DeviceDescription {
  /** `"webgpu"` or `"cpu"`. */
  readonly name: "webgpu" | "cpu";
  /** What it is, for people. */
  readonly description: string;
}

/** An error as plain data. */
export interface PlainError {
  /** The name of its class. */
  readonly name: string;
  /** What it says. */
  readonly message: string;
}

/** What the worker answers; request 0 is the opening of the device. */
export type Reply =
  | {
    readonly kind: "done";
    readonly request: number;
    readonly value: HostArray | DeviceStatistics | DeviceDescription | null;
  }
  | {
    readonly kind: "failed";
    readonly request: number;
    readonly error: PlainError;
  };
