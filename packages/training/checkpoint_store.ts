import { joinPath, removeIfPresent, systemProblem } from "@wick/models";
import {
  type Checkpoint,
  readCheckpoint,
  writeCheckpoint,
  type WriteCheckpointOptions,
} from "./checkpoint.ts";
import type { TrainingState } from "./training_state.ts";

/** A checkpoint on the disk. */
export interface StoredCheckpoint {
  /** The steps made. */
  readonly step: number;
  /** Its folder. */
  readonly folder: string;
}

/**
 * The checkpoints of a run, a folder each, of which the last few are kept. At
 * every moment the newest that is there is whole.
 */
export class CheckpointStore {
  /** The folder with the checkpoints. */
  readonly folder: string;
  readonly #keep: number;

  /**
   * Names a store; nothing is read or written.
   *
   * @param folder The folder with the checkpoints.
   * @param keep How many are kept.
   */
  constructor(folder: string, keep: number) {
    this.folder = folder;
    this.#keep = keep;
  }

  /**
   * Lists what is there.
   *
   * @returns The checkpoints, the newest last; none if there is no folder.
   * @throws {FileFormatError} If the system refuses the folder.
   */
  async list(): Promise<StoredCheckpoint[]> {
    const found: StoredCheckpoint[] = [];
    for (const name of await this.#names()) {
      const step = /^step-(\d{8,})$/.exec(name)?.[1];
      if (step === undefined) continue;
      found.push({ step: Number(step), folder: joinPath(this.folder, name) });
    }
    return found.sort((a, b) => a.step - b.step);
  }

  /**
   * Reads the newest.
   *
   * @returns The checkpoint and where it lies; `undefined` if there is none.
   * @throws {FileFormatError} If it is damaged.
   */
  async latest(): Promise<(Checkpoint & StoredCheckpoint) | undefined> {
    const stored = (await this.list()).at(-1);
    return stored && { ...stored, ...await readCheckpoint(stored.folder) };
  }

  /**
   * Writes one, and then removes those that are more than are kept.
   *
   * @param state Where the run is.
   * @param options What else is kept in it.
   * @returns Its folder.
   * @throws {FileFormatError} If it cannot be written; those before stay.
   */
  async write(
    state: TrainingState,
    options: WriteCheckpointOptions = {},
  ): Promise<string> {
    const name = `step-${String(state.step).padStart(8, "0")}`;
    const folder = joinPath(this.folder, name);
    try {
      await Deno.mkdir(this.folder, { recursive: true });
    } catch (error) {
      throw systemProblem(this.folder, error, "write");
    }
    await writeCheckpoint(folder, state, options);
    await this.prune();
    return folder;
  }

  /** Removes those that are more than are kept. */
  async prune(): Promise<void> {
    for (const { folder } of (await this.list()).slice(0, -this.#keep)) {
      await removeWhole(folder);
    }
  }

  /**
   * Removes those of after a step, where a run goes on from an earlier one.
   *
   * @param step The steps made.
   */
  async dropAfter(step: number): Promise<void> {
    for (const stored of await this.list()) {
      if (stored.step > step) await removeWhole(stored.folder);
    }
  }

  /** Removes what writes that were killed left behind. */
  async clean(): Promise<void> {
    for (const name of await this.#names()) {
      if (/^\..*\.(tmp|old)$/.test(name)) {
        await removeIfPresent(joinPath(this.folder, name));
      }
    }
  }

  /** Removes all. */
  async clear(): Promise<void> {
    for (const { folder } of await this.list()) await removeWhole(folder);
  }

  async #names(): Promise<string[]> {
    try {
      return await Array.fromAsync(
        Deno.readDir(this.folder),
        ({ name }) => name,
      );
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw systemProblem(this.folder, error);
    }
  }
}

/** Removes a folder so that no part of it is ever seen under its name. */
async function removeWhole(folder: string): Promise<void> {
  const at = folder.lastIndexOf("/") + 1;
  const aside = `${folder.slice(0, at)}.${folder.slice(at)}.old`;
  await removeIfPresent(aside);
  await Deno.rename(folder, aside);
  await removeIfPresent(aside);
}
