import { type Item, ROWS, SCALING } from "./item.ts";
import { peerVersion, requirePeer } from "./modules.ts";
import { operand, type Operands } from "./operands.ts";
import type { Peer, Work } from "./peer.ts";

interface TorchTensor {
  readonly storage: {
    readonly gpuBuffer: GPUBuffer;
    getTypedArray(type: "float32"): Float32Array;
    unmap(): void;
    mapReadAsync(): Promise<void>;
  };
  mm(other: TorchTensor): TorchTensor;
  mul(other: TorchTensor): TorchTensor;
  add(other: TorchTensor): TorchTensor;
}

/** What is used of webgpu-torch. */
interface WebgpuTorch {
  initWebGPUAsync(): Promise<void>;
  zeros(shape: readonly number[]): TorchTensor;
}

/**
 * Gets webgpu-torch ready. It unmaps buffers that are not mapped, which the
 * standard allows and Deno refuses: that is mended for it.
 *
 * @returns The peer.
 */
export async function webgpuTorchPeer(): Promise<Peer> {
  const unmap = GPUBuffer.prototype.unmap;
  GPUBuffer.prototype.unmap = function () {
    if (this.mapState !== "unmapped") unmap.call(this);
  };
  const torch = requirePeer<WebgpuTorch>("webgpu-torch");
  await torch.initWebGPUAsync();
  return {
    version: peerVersion("webgpu-torch"),
    gpu: true,
    prepare: (item, operands) =>
      Promise.resolve(prepare(torch, item, operands)),
  };
}

function prepare(
  torch: WebgpuTorch,
  item: Item,
  operands: Operands,
): Work | string {
  const load = (
    shape: readonly number[],
    values: ArrayLike<number>,
  ): TorchTensor => {
    const tensor = torch.zeros(shape);
    tensor.storage.getTypedArray("float32").set(values);
    tensor.storage.unmap();
    return tensor;
  };
  const tensorOf = (name: string): TorchTensor => {
    const { shape, values } = operand(operands, name);
    return load(shape, values);
  };
  switch (item.kind) {
    case "delta":
    case "linear": {
      const [x, a, b] = [tensorOf("x"), tensorOf("A"), tensorOf("B")];
      // There are no operands that are numbers.
      const size = ROWS * item.rank;
      const numbers = new Float32Array(size).fill(SCALING);
      const scaling = load([ROWS, item.rank], numbers);
      const w = item.kind === "linear" ? tensorOf("W") : undefined;
      return workOf(() => {
        const hidden = x.mm(a);
        const scaled = hidden.mul(scaling);
        const delta = scaled.mm(b);
        if (!w) return [delta, scaled, hidden];
        const base = x.mm(w);
        return [base.add(delta), base, delta, scaled, hidden];
      });
    }
    case "matmul": {
      const [a, b] = [tensorOf("a"), tensorOf("b")];
      return workOf(() => [a.mm(b)]);
    }
    case "chain":
      return "more workgroups than a dimension has";
    case "softmax":
    case "layer_norm":
    case "rms_norm":
      return "no broadcasting, no norms";
    case "gradient":
    case "sgd":
    case "adamw":
      return "no gradient of a product";
  }
}

/** What computes gives the result first, then what else was made. */
function workOf(compute: () => readonly TorchTensor[]): Work {
  let made: readonly TorchTensor[] = [];
  const destroy = () => {
    for (const { storage } of made) storage.gpuBuffer.destroy();
  };
  return {
    start() {
      const next = compute();
      destroy();
      made = next;
    },
    async read() {
      const { storage } = made[0]!;
      await storage.mapReadAsync();
      return [storage.getTypedArray("float32").slice()];
    },
    close: destroy,
  };
}
