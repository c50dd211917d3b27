// Two machines as network namespaces with an address each: what Open MPI does
// between hosts, it does between these.
import { MPI_LAUNCHERS } from "@wick/testing/mpi";
import { assertEquals, assertMatch } from "@std/assert";
import { writeTinyModel } from "./tiny_model.ts";

const MAIN = new URL("./main.ts", import.meta.url).pathname;
const DATA = "examples/tickets/base-model";
const SUBNET = "10.77.0";

async function output(program: string, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(program, { args })
    .output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: decode(stdout), error: decode(stderr) };
}

async function ip(...args: string[]): Promise<void> {
  const { code, error } = await output("ip", ...args);
  if (code !== 0) throw new Error(`Cannot ip ${args.join(" ")}: ${error}`);
}

/** Whether network namespaces can be made here. */
async function canMakeHosts(): Promise<boolean> {
  try {
    await ip("netns", "add", `wick-probe-${Deno.pid}`);
    await ip("netns", "delete", `wick-probe-${Deno.pid}`);
    return true;
  } catch {
    return false;
  }
}

/** Two hosts with a cable between them. */
class Hosts {
  readonly names = [0, 1].map((host) => `wick${host}-${Deno.pid}`);
  readonly addresses = [1, 2].map((host) => `${SUBNET}.${host}`);
  readonly #agent: string;

  constructor(folder: string) {
    this.#agent = `${folder}/agent`;
  }

  async build(): Promise<void> {
    const [one, two] = this.names;
    for (const name of this.names) await ip("netns", "add", name);
    await ip(
      ...["link", "add", "cable", "netns", one!, "type", "veth"],
      ...["peer", "name", "cable", "netns", two!],
    );
    for (const [host, name] of this.names.entries()) {
      const inside = (...args: string[]) => ip("-n", name, ...args);
      await inside("addr", "add", `${this.addresses[host]}/24`, "dev", "cable");
      await inside("link", "set", "cable", "up");
      await inside("link", "set", "lo", "up");
      // What was sent is retried for a quarter of an hour otherwise.
      await output(
        ...["ip", "netns", "exec", name] as const,
        ...["sysctl", "-qw", "net.ipv4.tcp_retries2=5"],
      );
    }
    // Open MPI asks for a remote shell: a command in the other namespace is one.
    const cases = this.names.map((name, host) =>
      `${this.addresses[host]}) exec ip netns exec ${name} sh -c "$*";;`
    );
    await Deno.writeTextFile(
      this.#agent,
      `#!/bin/sh\nhost=$1; shift\ncase $host in\n${cases.join("\n")}\nesac\n`,
      { mode: 0o755 },
    );
  }

  /** Starts a job of four ranks, two on each host. */
  start(args: readonly string[]): Deno.ChildProcess {
    const mca = (name: string, value: string) => ["--mca", name, value];
    return new Deno.Command("ip", {
      args: [
        ...["netns", "exec", this.names[0]!, "mpirun.openmpi"],
        ...["--host", this.addresses.map((address) => `${address}:2`).join()],
        ...["--bind-to", "none", "-np", "4", ...mca("btl", "self,tcp")],
        ...mca("plm_rsh_agent", this.#agent),
        ...mca("btl_tcp_if_include", "cable"),
        ...mca("oob_tcp_if_include", "cable"),
        ...mca("mpi_yield_when_idle", "1"),
        // The daemons, too, are to notice soon that a host is gone.
        ...mca("oob_tcp_keepalive_time", "5"),
        ...mca("oob_tcp_keepalive_intvl", "2"),
        ...mca("oob_tcp_keepalive_probes", "3"),
        ...["-x", "WICK_BLAS=off", "-x", "WICK_DEVICE=cpu"],
        ...[Deno.execPath(), "run", "--no-prompt", "--quiet", "-A", MAIN],
        ...args,
      ],
      env: {
        OMPI_ALLOW_RUN_AS_ROOT: "1",
        OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1",
        NO_COLOR: "1",
      },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  async cut(): Promise<void> {
    await ip("-n", this.names[1]!, "link", "set", "cable", "down");
  }

  async mend(): Promise<void> {
    await ip("-n", this.names[1]!, "link", "set", "cable", "up");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.names) {
      const { out } = await output("ip", "netns", "pids", name);
      for (const pid of out.split("\n").filter(Boolean)) {
        await output("kill", "-9", pid);
      }
      await output("ip", "netns", "delete", name);
    }
  }
}

const ignore = MPI_LAUNCHERS[0]!.ignore || !await canMakeHosts();

Deno.test({
  name:
    "four ranks on two hosts train; a cut network ends them, and they go on",
  ignore,
  async fn() {
    const folder = await Deno.makeTempDir();
    await using hosts = new Hosts(folder);
    await hosts.build();
    await writeTinyModel(`${folder}/model`);
    await Deno.mkdir(`${folder}/data`);
    const text = await Deno.readTextFile(`${DATA}/train.jsonl`);
    await Deno.writeTextFile(
      `${folder}/data/train.jsonl`,
      text.split("\n").slice(0, 9).join("\n"),
    );
    const train = (steps: number) => [
      ...["train", `--model=${folder}/model`, `--data=${folder}/data`],
      ...[`--output=${folder}/run`, "--batch-size=4", "--rank=4", "--resume"],
      ...[`--steps=${steps}`, "--save-every=5", "--samples=0", "--json"],
      ...["--rank-timeout=5", "--schedule=constant"],
    ];

    const first = await hosts.start(train(10)).output();
    const error = new TextDecoder().decode(first.stderr);
    assertEquals(first.code, 0, error);
    assertMatch(error, /4 ranks, Open MPI/);

    const second = hosts.start(train(100_000));
    const reader = second.stdout.getReader();
    await reader.read(); // a step was made
    await hosts.cut();
    const began = performance.now();
    // The daemon of the host that is cut off keeps the pipe open: no end comes.
    let said = "";
    const listening = (async () => {
      for await (const part of second.stderr) {
        said += new TextDecoder().decode(part);
        if (/Cannot go on: .*\n/.test(said)) break;
      }
    })();
    await reader.cancel();
    const { code } = await second.status;
    await listening;
    assertEquals(code === 0, false);
    assertEquals(performance.now() - began < 30_000, true);
    assertMatch(said, /wick: rank \d of 4 on \S+: Cannot go on: /);

    await hosts.mend();
    const last = await lastStep(`${folder}/run/checkpoints`);
    const third = await hosts.start(train(last + 3)).output();
    assertEquals(third.code, 0, new TextDecoder().decode(third.stderr));
    assertEquals(await lastStep(`${folder}/run/checkpoints`), last + 3);
    await Deno.remove(folder, { recursive: true });
  },
});

async function lastStep(folder: string): Promise<number> {
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  return Math.max(
    ...names.flatMap((name) => /^step-(\d+)$/.exec(name)?.[1] ?? []).map(
      Number,
    ),
  );
}
