import { RecentMap } from "./recent_map.ts";

/** What is known of the plans of one structure. */
interface PlanTime {
  /** Milliseconds that one takes; undefined until one has run. */
  expected: number | undefined;
  /** How far from that the next one is, about. */
  deviation: number;
  /** How often on end it was done before anybody waited. */
  missed: number;
}

/** Plans that are under way together. */
export interface PlanGroup {
  /** When the first of them started, in milliseconds. */
  readonly since: number;
  /** What is known of each. */
  readonly plans: readonly PlanTime[];
}

/** Structures that are remembered. */
const MOST_STRUCTURES = 512;
/** A timer may be so many milliseconds late. */
const TIMER = 1.5;
/** A shorter wait is no wait: the work was done before. */
const NO_WAIT = 0.3;
/** How much of what is new counts. */
const GAIN = 0.25;

/**
 * Learns how long plans take, by their structure, and says when those under
 * way are due. A queue runs them one after the other, and who waits for one
 * waits for all of them.
 */
export class PlanTimes {
  readonly #known = new RecentMap<string, PlanTime>(MOST_STRUCTURES);
  #since = 0;
  #plans: PlanTime[] = [];

  /**
   * Notes that a plan has started.
   *
   * @param key Its structure.
   * @param now The time in milliseconds.
   */
  start(key: string, now: number): void {
    if (this.#plans.length === 0) this.#since = now;
    this.#plans.push(
      this.#known.getOrMake(key, () => ({
        ...{ expected: undefined, deviation: 0, missed: 0 },
      })),
    );
  }

  /**
   * Says when to begin to wait for all that is under way: shortly before it is
   * due, and at once if that is unknown or soon.
   *
   * @returns The time in milliseconds.
   */
  wakeAt(): number {
    let [due, slack] = [this.#since, TIMER];
    for (const { expected, deviation } of this.#plans) {
      if (expected === undefined) return this.#since;
      due += expected;
      slack += 2 * deviation;
    }
    return due - slack;
  }

  /**
   * Takes what is under way: what starts from now on is another group.
   *
   * @returns The group, for {@linkcode PlanTimes.learn}.
   */
  take(): PlanGroup {
    const plans = this.#plans;
    this.#plans = [];
    return { since: this.#since, plans };
  }

  /**
   * Learns from a group that is done.
   *
   * @param group The group.
   * @param now The time in milliseconds.
   * @param waited How long the wait for it took: with next to none it was done
   *   some time before.
   */
  learn({ since, plans }: PlanGroup, now: number, waited: number): void {
    const total = now - since;
    const sum = plans.reduce((sum, { expected = 0 }) => sum + expected, 0);
    const strangers = plans.filter(({ expected }) => expected === undefined);
    // What is known keeps its time where a stranger is among them, who has the
    // rest; else all were as much slower or faster.
    for (const stranger of strangers) {
      stranger.expected = Math.max(0, (total - sum) / strangers.length);
      stranger.deviation = stranger.expected / 64;
    }
    if (strangers.length > 0) return;
    for (const plan of new Set(plans)) {
      const share = sum === 0 ? 1 / plans.length : plan.expected! / sum;
      adjust(plan, total * share, waited);
    }
  }
}

function adjust(plan: PlanTime, measured: number, waited: number): void {
  const expected = plan.expected!;
  if (waited < NO_WAIT) {
    // Only that it took no longer is known: the next wait begins earlier, and
    // earlier by twice as much each time.
    const most = Math.min(expected, measured);
    const step = Math.max(TIMER, plan.deviation) * 2 ** plan.missed++;
    plan.expected = Math.max(0, most - step);
    return;
  }
  plan.missed = 0;
  const error = measured - expected;
  plan.deviation += GAIN * (Math.abs(error) - plan.deviation);
  plan.expected = expected + GAIN * error;
}
