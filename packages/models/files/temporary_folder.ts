/** A folder for one test, removed with all it holds when its scope ends. */
export interface TemporaryFolder extends Disposable {
  /** The folder. */
  readonly path: string;
  /** Gives the path of a file in it. */
  file(name: string): string;
}

/**
 * Makes a folder for one test.
 *
 * @returns The folder.
 */
export function temporaryFolder(): TemporaryFolder {
  const path = Deno.makeTempDirSync({ prefix: "wick-" });
  return {
    path,
    file: (name) => `${path}/${name}`,
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}
