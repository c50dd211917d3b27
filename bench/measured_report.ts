import type { Environment } from "./environment.ts";
import type { Figure } from "./figure.ts";
import type { AsyncRow } from "./measure_async.ts";
import type { PeersReport } from "./peers/peers_report.ts";

/** All that one run of the measurements gave. */
export interface MeasuredReport {
  /** What it was made on. */
  readonly environment: Environment;
  /** Which device of Wick. */
  readonly device: "webgpu" | "cpu";
  /** What that device says of itself. */
  readonly description: string;
  /** Wick's figures, and those of PyTorch on the same machine. */
  readonly figures: readonly Figure[];
  /** Ways to wait for long work. */
  readonly waiting: readonly AsyncRow[];
  /** Other JavaScript libraries. */
  readonly peers?: PeersReport;
  /** What PyTorch's side says of itself. */
  readonly reference?: string;
  /** Parts that failed, and why. */
  readonly failures: Readonly<Record<string, string>>;
  /** Seconds of each part. */
  readonly seconds: Readonly<Record<string, number>>;
}
