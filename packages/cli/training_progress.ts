import type { StepReport } from "@wick/training";
import { duration } from "./duration.ts";
import type { Io } from "./io.ts";

/** Options of {@linkcode TrainingProgress}. */
export interface ProgressOptions {
  /** Steps between two lines where there is no terminal; 20 lines if absent. */
  readonly every?: number;
}

/** What is shown of a step. */
export type ShownStep =
  & Pick<StepReport, "step" | "steps" | "tokensPerSecond" | "secondsLeft">
  & Partial<StepReport>;

const BAR = 24;
// The first lines of a run say how long it will take, so they come at once.
const FIRST = [1, 2, 5];

/**
 * Shows how training goes: on a terminal one line with a bar that is
 * overwritten, else a line every few steps.
 *
 * ```ts
 * import { TrainingProgress } from "@wick/cli";
 * import { assertEquals } from "@std/assert";
 *
 * let shown = "";
 * const progress = new TrainingProgress({
 *   error: (text) => shown += text,
 *   terminal: false,
 *   color: false,
 *   columns: 80,
 * });
 * progress.show({
 *   step: 1,
 *   steps: 300,
 *   loss: 4.25,
 *   gradientNorm: 1,
 *   learningRate: 0.005,
 *   tokensPerSecond: 1234,
 *   secondsLeft: 187,
 *   validationLoss: undefined,
 * });
 * assertEquals(
 *   shown,
 *   "step 1/300  loss 4.2500  learning rate 5.00e-3  1234 tokens/s  3m07s left\n",
 * );
 * ```
 */
export class TrainingProgress {
  readonly #io: Pick<Io, "error" | "terminal" | "color" | "columns">;
  readonly #every: number | undefined;
  #open = false;

  /**
   * Makes one that has shown nothing.
   *
   * @param io Where it is shown.
   * @param options How often.
   */
  constructor(
    io: Pick<Io, "error" | "terminal" | "color" | "columns">,
    options: ProgressOptions = {},
  ) {
    this.#io = io;
    this.#every = options.every;
  }

  /**
   * Shows a step.
   *
   * @param report What the step gave.
   * @param losses What is said of its loss; loss and learning rate if absent.
   */
  show(report: ShownStep, losses: string = lossOf(report)): void {
    const { step, steps, validationLoss } = report;
    const every = this.#every ?? Math.max(1, Math.ceil(steps / 20));
    if (this.#io.terminal) {
      this.#overwrite(this.#bar(report) + text(report, losses));
    } else if (
      step % every === 0 || step === steps ||
      (this.#every === undefined && FIRST.includes(step))
    ) {
      this.#io.error(`${text(report, losses)}\n`);
    }
    if (validationLoss !== undefined) {
      this.say(
        `validation loss ${validationLoss.toFixed(4)} after step ${step}`,
      );
    }
  }

  /**
   * Writes a line of its own.
   *
   * @param line The line.
   */
  say(line: string): void {
    this.end();
    this.#io.error(`${line}\n`);
  }

  /** Leaves the line that is overwritten. */
  end(): void {
    if (this.#open) this.#io.error("\n");
    this.#open = false;
  }

  #overwrite(line: string): void {
    this.#io.error(`\r\x1b[2K${line}`);
    this.#open = true;
  }

  #bar({ step, steps }: ShownStep): string {
    const { color, columns } = this.#io;
    if (columns < 110) return "";
    const full = Math.round(BAR * step / steps);
    const [done, left] = ["█".repeat(full), "░".repeat(BAR - full)];
    return `${color ? `\x1b[32m${done}\x1b[0m` : done}${left}  `;
  }
}

function lossOf({ loss, learningRate }: ShownStep): string {
  return [
    ...(loss === undefined ? [] : [`loss ${loss.toFixed(4)}`]),
    ...(learningRate === undefined
      ? []
      : [`learning rate ${learningRate.toExponential(2)}`]),
  ].join("  ");
}

function text(report: ShownStep, losses: string): string {
  const { step, steps, tokensPerSecond, secondsLeft } = report;
  return [
    `step ${step}/${steps}`,
    losses,
    `${Math.round(tokensPerSecond)} tokens/s`,
    `${duration(secondsLeft)} left`,
  ].join("  ");
}
