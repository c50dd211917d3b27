import type { Measured, MeasureOptions } from "./measure.ts";

/** How a peer is run. */
export interface RunPeerOptions extends MeasureOptions {
  /** Which items: a regular expression. */
  readonly items: string;
}

/** What the process of a peer says. */
export type PeerLine =
  | {
    /** It is ready. */
    readonly kind: "start";
    /** Its version. */
    readonly version: string;
    /** What it took to get ready. */
    readonly milliseconds: number;
  }
  | {
    /** An item is measured. */
    readonly kind: "item";
    /** Its name. */
    readonly item: string;
    /** What was measured; a text says why nothing. */
    readonly result: Measured | string;
  };
