import { importPeer, peerVersion, requirePeer } from "./modules.ts";
import { encodeOnnx, type OnnxGraph } from "./onnx_encoder.ts";
import { onnxGraph } from "./onnx_graph.ts";
import { operand } from "./operands.ts";
import type { Peer } from "./peer.ts";

interface OrtTensor {
  readonly data: Float32Array;
  getData(): Promise<Float32Array>;
  dispose(): void;
}

type Feeds = Record<string, OrtTensor>;

interface Session {
  run(feeds: Feeds): Promise<Feeds>;
  release(): Promise<void>;
}

interface BufferOptions {
  readonly dataType: "float32";
  readonly dims: readonly number[];
}

interface Tensors {
  new (
    type: "float32",
    values: Float32Array,
    dims: readonly number[],
  ): OrtTensor;
  fromGpuBuffer(buffer: GPUBuffer, options: BufferOptions): OrtTensor;
}

/** What is used of ONNX Runtime. */
interface OnnxRuntime {
  readonly Tensor: Tensors;
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: Readonly<Record<string, unknown>>,
    ): Promise<Session>;
  };
  readonly env: {
    logLevel: string;
    readonly wasm: { numThreads: number };
    readonly webgpu: { readonly device: Promise<GPUDevice> };
  };
}

/**
 * Gets ONNX Runtime Web ready: its build on suspended promises, the smallest.
 *
 * @returns The peer.
 */
export async function onnxWebPeer(): Promise<Peer> {
  const ort = await importPeer<OnnxRuntime>(
    "onnxruntime-web/dist/ort.jspi.bundle.min.mjs",
  );
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = 1;
  return {
    version: peerVersion("onnxruntime-web"),
    gpu: true,
    async prepare(item, operands) {
      const graph = onnxGraph(item, operands);
      if (!graph) return "no gradients";
      const session = await ort.InferenceSession.create(encodeOnnx(graph), {
        executionProviders: ["webgpu"],
        preferredOutputLocation: "gpu-buffer",
        graphOptimizationLevel: "all",
      });
      const device = await ort.env.webgpu.device;
      const feeds = feedsOf(graph, (name, dims) => {
        const { values } = operand(operands, name);
        const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST |
          GPUBufferUsage.COPY_SRC;
        const buffer = device.createBuffer({ size: values.byteLength, usage });
        device.queue.writeBuffer(buffer, 0, values);
        return ort.Tensor.fromGpuBuffer(buffer, { dataType: "float32", dims });
      });
      let result: OrtTensor | undefined;
      return {
        async start() {
          const { y } = await session.run(feeds);
          result?.dispose();
          result = y;
        },
        read: async () => [await result!.getData()],
        close: () => result?.dispose(),
      };
    },
  };
}

/**
 * Gets the native ONNX Runtime ready, on all cores of the CPU.
 *
 * @returns The peer.
 */
export function onnxNodePeer(): Promise<Peer> {
  const ort = requirePeer<OnnxRuntime>("onnxruntime-node");
  return Promise.resolve({
    version: peerVersion("onnxruntime-node"),
    gpu: false,
    async prepare(item, operands) {
      const graph = onnxGraph(item, operands);
      if (!graph) return "no gradients";
      const session = await ort.InferenceSession.create(encodeOnnx(graph), {
        executionProviders: ["cpu"],
        graphOptimizationLevel: "all",
      });
      const feeds = feedsOf(
        graph,
        (name, dims) =>
          new ort.Tensor("float32", operand(operands, name).values, dims),
      );
      let result: OrtTensor | undefined;
      return {
        async start() {
          result = (await session.run(feeds))["y"];
        },
        read: () => Promise.resolve([result!.data]),
        close: () => void session.release(),
      };
    },
  });
}

function feedsOf(
  { inputs }: OnnxGraph,
  make: (name: string, dims: readonly number[]) => OrtTensor,
): Feeds {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, dims]) => [name, make(name, dims)]),
  );
}
