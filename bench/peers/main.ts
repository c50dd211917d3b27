/**
 * Runs Wick and other JavaScript libraries on the same work, side by side.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { TextLineStream } from "./text_lines.ts";
import { gpuEnvironment } from "../../tools/gpu_environment.ts";
import { environment } from "../environment.ts";
import { installPeers, missingPackages } from "./install.ts";
import { packPeers } from "./pack.ts";
import type { PeerLine, RunPeerOptions } from "./peer_line.ts";
import { PEERS } from "./peers.ts";
import type { PeerRow, PeersReport } from "./peers_report.ts";
import { printReport } from "./print_report.ts";

const USAGE = `Usage: deno task bench:peers [options]

  --items REGEX    which items, by name (else all)
  --peers LIST     names, or webgpu, cpu, all; commas between them (else all)
  --json FILE      writes what was measured
  --budget MS      how long to measure each way of an item (800); to rouse a
                   discrete GPU takes 700 more an item
  --offline        takes the peers that are installed
  --pack FILE      packs the installed peers as FILE.tar.xz, and ends

Peers: ${Object.keys(PEERS).join(", ")}
Example: deno task bench:peers --items 'lora|matmul_512' --peers wick,jax-jit`;

/** A peer that takes longer is ended. */
const MOST_MILLISECONDS = 240_000;
const TIMES = 200;
const QUEUE = 50;

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

class UsageError extends Error {}

function peersOf(list: string): string[] {
  const names = list.split(",").flatMap((name) =>
    name === "all"
      ? Object.keys(PEERS)
      : name === "webgpu" || name === "cpu"
      ? Object.keys(PEERS).filter((peer) => PEERS[peer]!.side === name)
      : [name]
  );
  const unknown = names.find((name) => !(name in PEERS));
  if (unknown !== undefined) {
    throw new UsageError(`There is no peer ${unknown}`);
  }
  return names;
}

/** Runs a peer in a process of its own, so that a crash stops nothing else. */
async function runPeer(
  peer: string,
  options: RunPeerOptions,
  onLine: (line: PeerLine) => void,
): Promise<string | undefined> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "-A"],
      new URL("run_peer.ts", import.meta.url).href,
      ...[peer, JSON.stringify(options)],
    ],
    stdout: "piped",
    stderr: "piped",
    env: {
      DENO_NO_UPDATE_CHECK: "1",
      ...gpuEnvironment(),
      XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") ?? "/tmp",
    },
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), MOST_MILLISECONDS);
  const errors = new Response(child.stderr).text();
  const lines = child.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) {
    if (line.startsWith("@@")) onLine(JSON.parse(line.slice(2)));
  }
  const { success, code, signal } = await child.status;
  clearTimeout(timer);
  const said = (await errors).split("\n").filter((line) =>
    /error|panic|Cannot/i.test(line)
  );
  if (said.length > 0) print(`   ${said.slice(0, 3).join("\n   ")}`);
  return success ? undefined : `ended with ${signal ?? code}: ${said[0] ?? ""}`;
}

async function run(args: readonly string[]): Promise<void> {
  const given = parseArgs(args, {
    string: ["items", "peers", "json", "budget", "pack"],
    boolean: ["help", "offline"],
    default: { items: ".", peers: "all", budget: "800" },
    unknown: (argument) => {
      throw new UsageError(`There is no option ${argument}`);
    },
  });
  if (given.help) return print(USAGE);
  const names = peersOf(given.peers);
  const budget = Number(given.budget);
  if (!(budget > 0)) {
    throw new UsageError(`Cannot measure for ${given.budget} ms`);
  }
  const missing = missingPackages();
  if (missing.length > 0 && !given.offline) {
    print(`Installing ${missing.join(", ")} below out/peers`);
    installPeers();
  }
  if (given.pack !== undefined) return packPeers(given.pack);
  const command = ["deno task bench:peers", ...args].join(" ");
  const about = await environment(command);
  print(
    `Deno ${about.deno}, ${about.adapter}, ${about.cores} cores, load ${about.load}`,
  );
  const rows: PeerRow[] = [];
  const versions: Record<string, string> = {};
  const options = { items: given.items, budget, times: TIMES, queue: QUEUE };
  for (const peer of names) {
    const failure = await runPeer(peer, options, (line) => {
      if (line.kind === "start") {
        versions[peer] = line.version;
        print(`-- ${peer} ${line.version}`);
      } else {
        rows.push({ peer, item: line.item, result: line.result });
      }
    });
    if (failure !== undefined) {
      versions[peer] ??= failure;
      print(`-- ${peer} ${failure}`);
    }
  }
  print(printReport(rows));
  const report: PeersReport = { environment: about, versions, rows };
  if (given.json !== undefined) {
    Deno.writeTextFileSync(given.json, `${JSON.stringify(report, null, 1)}\n`);
  }
}

try {
  await run(Deno.args.filter((arg) => arg !== "--"));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  Deno.stderr.writeSync(
    new TextEncoder().encode(`${error.message}\n\n${USAGE}\n`),
  );
  Deno.exit(2);
}
