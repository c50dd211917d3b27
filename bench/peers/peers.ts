import { jaxPeer } from "./jax_peer.ts";
import { onnxNodePeer, onnxWebPeer } from "./onnx_peer.ts";
import type { PeerSource } from "./peer.ts";
import { tensorflowPeer } from "./tensorflow_peer.ts";
import { webgpuTorchPeer } from "./webgpu_torch_peer.ts";
import { wickPeer } from "./wick_peer.ts";

/** All peers by name, Wick's own first. */
export const PEERS: Readonly<Record<string, PeerSource>> = {
  "wick": {
    side: "webgpu",
    open: () => wickPeer({ device: "webgpu" }),
  },
  "wick-eager": {
    side: "webgpu",
    open: () => wickPeer({ device: "webgpu", eager: true }),
  },
  "wick-capture": {
    side: "webgpu",
    open: () => wickPeer({ device: "webgpu", captured: true }),
  },
  "jax": { side: "webgpu", open: () => jaxPeer("webgpu", false) },
  "jax-jit": { side: "webgpu", open: () => jaxPeer("webgpu", true) },
  "tfjs": { side: "webgpu", open: () => tensorflowPeer("webgpu") },
  "ort-web": { side: "webgpu", open: onnxWebPeer },
  "webgpu-torch": { side: "webgpu", open: webgpuTorchPeer },
  "wick-cpu": { side: "cpu", open: () => wickPeer({ device: "cpu" }) },
  "wick-cpu-eager": {
    side: "cpu",
    open: () => wickPeer({ device: "cpu", eager: true }),
  },
  "wick-cpu-capture": {
    side: "cpu",
    open: () => wickPeer({ device: "cpu", captured: true }),
  },
  "jax-wasm": { side: "cpu", open: () => jaxPeer("wasm", true) },
  "tfjs-wasm": { side: "cpu", open: () => tensorflowPeer("wasm") },
  "tfjs-cpu": { side: "cpu", open: () => tensorflowPeer("cpu") },
  "wick-blas": {
    side: "cpu",
    open: () => wickPeer({ device: "cpu", blas: true }),
  },
  "wick-blas-capture": {
    side: "cpu",
    open: () => wickPeer({ device: "cpu", blas: true, captured: true }),
  },
  "ort-node": { side: "cpu", open: onnxNodePeer },
};
