import type { EngineStatistics } from "./engine.ts";

/** Seconds that the buckets of durations end at. */
const BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60];

/** Counts requests, and writes all numbers in the text form of Prometheus. */
export class Metrics {
  readonly #requests = new Map<string, number>();
  readonly #buckets = BUCKETS.map(() => 0);
  #count = 0;
  #seconds = 0;

  /**
   * Counts a request.
   *
   * @param path Its route.
   * @param status How it was answered.
   * @param seconds How long until the answer began.
   */
  observe(path: string, status: number, seconds: number): void {
    const key = `path="${path}",status="${status}"`;
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
    for (const [i, bound] of BUCKETS.entries()) {
      if (seconds <= bound) this.#buckets[i]!++;
    }
    this.#count++;
    this.#seconds += seconds;
  }

  /**
   * Writes the numbers.
   *
   * @see {@link https://prometheus.io/docs/instrumenting/exposition_formats/ | Exposition formats}
   *
   * @param statistics The numbers of the engine.
   * @param longestGap The longest time that the event loop stood still, in
   *   seconds.
   * @returns The text.
   */
  text(statistics: EngineStatistics, longestGap: number): string {
    const { running, waiting, steps, tokens, deviceBytes } = statistics;
    const lines = [
      ...family(
        "wick_requests_total",
        "counter",
        "Requests answered",
        [
          ...this.#requests,
        ].map(([labels, count]) => [`{${labels}}`, count]),
      ),
      ...family(
        "wick_request_seconds",
        "histogram",
        "Seconds until an answer began",
        [
          ...BUCKETS.map((bound, i): Sample => [
            `_bucket{le="${bound}"}`,
            this.#buckets[i]!,
          ]),
          ['_bucket{le="+Inf"}', this.#count],
          ["_sum", this.#seconds],
          ["_count", this.#count],
        ],
      ),
      ...family("wick_texts_running", "gauge", "Texts being made", [
        ["", running],
      ]),
      ...family("wick_texts_waiting", "gauge", "Texts waiting for a place", [
        ["", waiting],
      ]),
      ...family("wick_decode_steps_total", "counter", "Steps of decoding", [
        ["", steps],
      ]),
      ...family("wick_generated_tokens_total", "counter", "Tokens made", [
        ["", tokens],
      ]),
      ...family("wick_device_bytes", "gauge", "Bytes on the device", [
        ["", deviceBytes],
      ]),
      ...family(
        "wick_event_loop_longest_gap_seconds",
        "gauge",
        "The longest time that requests had to wait for the event loop",
        [["", longestGap]],
      ),
    ];
    return `${lines.join("\n")}\n`;
  }
}

/** What follows the name of a number, and the number. */
type Sample = readonly [suffix: string, value: number];

function family(
  name: string,
  type: "counter" | "gauge" | "histogram",
  help: string,
  samples: readonly Sample[],
): string[] {
  return [
    `# HELP ${name} ${help}.`,
    `# TYPE ${name} ${type}`,
    ...samples.map(([suffix, value]) => `${name}${suffix} ${value}`),
  ];
}
