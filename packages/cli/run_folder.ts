import {
  FileFormatError,
  joinPath,
  removeIfPresent,
  systemProblem,
  writeFolderAtomically,
} from "@wick/models";
import {
  CheckpointStore,
  type TrainingState,
  type WriteCheckpointOptions,
} from "@wick/training";
import { installFiles } from "./install_files.ts";
import type { ResumePoint } from "./resolve_train.ts";

/** What tells the folder of a run from others. */
const OWN = ["checkpoints", "metrics.jsonl"];
const ADAPTER = "adapter_config.json";

/** Options of {@linkcode RunFolder.prepare}. */
export interface PrepareOptions {
  /** Where the run goes on from; it begins if absent. */
  readonly checkpoint: ResumePoint | undefined;
  /** Whether the checkpoints of an unfinished run may go. */
  readonly overwrite: boolean;
}

/** The folder of a run of training. */
export class RunFolder {
  /** The folder. */
  readonly path: string;
  /** What is written of each step. */
  readonly metrics: string;
  /** The page about the run. */
  readonly report: string;
  /** The best by validation. */
  readonly best: string;
  /** The checkpoints. */
  readonly checkpoints: CheckpointStore;
  readonly #marker: string;

  /**
   * Names a folder; nothing is read or written.
   *
   * @param path The folder.
   * @param marker The file that makes what is trained readable: a config.
   * @param keep How many checkpoints are kept.
   */
  constructor(path: string, marker: string, keep: number) {
    this.path = path;
    this.metrics = joinPath(path, "metrics.jsonl");
    this.report = joinPath(path, "report.html");
    this.best = joinPath(path, "best");
    this.checkpoints = new CheckpointStore(joinPath(path, "checkpoints"), keep);
    this.#marker = marker;
  }

  /**
   * Makes sure, before hours of work, that the folder can be written and holds
   * nothing that would be lost, and brings it to where the run begins.
   *
   * @param options Whether the run goes on.
   * @throws {FileFormatError} If it cannot be used.
   */
  async prepare({ checkpoint, overwrite }: PrepareOptions): Promise<void> {
    const names = await namesIn(this.path);
    const visible = names.filter((name) => !name.startsWith("."));
    const isOurs = visible.some((name) => OWN.includes(name)) ||
      (this.#marker === ADAPTER && visible.includes(ADAPTER));
    if (visible.length > 0 && !isOurs) {
      throw new FileFormatError(
        this.path,
        `it holds ${visible.length} files that are no ${
          this.#marker === ADAPTER ? "adapter" : "run of training"
        }, name a new folder`,
        { action: "write" },
      );
    }
    try {
      await Deno.mkdir(this.path, { recursive: true });
      await Deno.remove(
        await Deno.makeTempDir({ dir: this.path, prefix: ".wick-" }),
      );
    } catch (error) {
      throw systemProblem(this.path, error, "write");
    }
    await this.#clean(names);
    if (!checkpoint) return await this.#begin(overwrite);
    await this.checkpoints.dropAfter(checkpoint.step);
    await this.checkpoints.prune();
    await this.#restoreBest(checkpoint.folder);
  }

  /**
   * Writes a checkpoint, with the best so far in it.
   *
   * @param state Where the run is.
   * @param options What else is kept.
   * @returns The folder of the checkpoint.
   */
  async save(
    state: TrainingState,
    options: WriteCheckpointOptions,
  ): Promise<string> {
    return await this.checkpoints.write(state, {
      ...options,
      also: async (folder) => {
        await options.also?.(folder);
        if ((await namesIn(this.best)).length > 0) {
          await copyFiles(this.best, joinPath(folder, "best"));
        }
      },
    });
  }

  /**
   * Puts what was trained into the folder.
   *
   * @param write Writes its files into a new folder of a path.
   */
  async install(write: (path: string) => Promise<void>): Promise<void> {
    await installFiles(this.path, this.#marker, write);
  }

  /** Puts the best into the folder. */
  async installBest(): Promise<void> {
    await this.install((path) => copyFiles(this.best, path));
  }

  /** Removes what writes that were killed left behind. */
  async #clean(names: readonly string[]): Promise<void> {
    for (const name of names) {
      if (/^\..*\.(tmp|old)$/.test(name)) {
        await removeIfPresent(joinPath(this.path, name));
      }
    }
    await this.checkpoints.clean();
  }

  async #begin(overwrite: boolean): Promise<void> {
    const last = (await this.checkpoints.list()).at(-1);
    if (last && !overwrite && !await isFinished(last.folder)) {
      throw new FileFormatError(
        this.path,
        `it holds a run that was stopped after step ${last.step}: --resume goes on with it, --overwrite drops its checkpoints`,
        { action: "write" },
      );
    }
    await this.checkpoints.clear();
    for (const path of [this.best, this.metrics, this.report]) {
      await removeIfPresent(path);
    }
  }

  /** The best may be one of after the checkpoint. */
  async #restoreBest(checkpoint: string): Promise<void> {
    const kept = joinPath(checkpoint, "best");
    if ((await namesIn(kept)).length === 0) await removeIfPresent(this.best);
    else {
      await writeFolderAtomically(
        this.best,
        (folder) => copyInto(kept, folder),
      );
    }
  }
}

/** Whether a run made all of its steps by a checkpoint. */
async function isFinished(checkpoint: string): Promise<boolean> {
  return (await namesIn(checkpoint)).includes("finished");
}

async function namesIn(path: string): Promise<string[]> {
  try {
    return await Array.fromAsync(Deno.readDir(path), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw systemProblem(path, error, "write");
  }
}

async function copyFiles(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  await copyInto(from, to);
}

async function copyInto(from: string, to: string): Promise<void> {
  for (const name of await namesIn(from)) {
    await Deno.copyFile(joinPath(from, name), joinPath(to, name));
    using file = await Deno.open(joinPath(to, name), { write: true });
    await file.sync();
  }
}
