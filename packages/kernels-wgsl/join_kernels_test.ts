import { toMetal } from "@wick/testing/metal";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { joinKernels, type KernelPart } from "./join_kernels.ts";

/** A kernel that stores vectors by way of workgroup memory. */
function kernel(
  factor: string,
  buffers: number[],
  threads = 8,
): KernelPart {
  return {
    text: `const SIZE: u32 = ${threads};
alias Four = vec4f;
@group(0) @binding(0) var<storage, read> x: array<Four>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;
var<workgroup> room: array<array<vec4f, 2>, SIZE>;
fn load(i: u32) -> vec4f { return x[i].xyzw; }
fn epilogue(i: u32, value: f32) -> f32 { return value * ${factor}; }
@compute @workgroup_size(SIZE)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = wid.x * SIZE + lane;
  room[lane][i % 2] = load(i);
  workgroupBarrier();
  let v = room[SIZE - 1 - lane][i % 2];
  out[i] = vec4f(epilogue(4 * i, v.x), epilogue(4 * i + 1, v.y), epilogue(4 * i + 2, v.z), epilogue(4 * i + 3, v.w));
}`,
    buffers,
    workgroups: [3, 2, 1],
  };
}

/** Element-wise code: twice what another kernel gave. */
function twice(from: number, to: number, at = "i"): KernelPart {
  return {
    text: `const COUNT: u32 = 192;
@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@group(0) @binding(1) var<storage, read> fused_0: array<f32>;
fn epilogue(i: u32, value: f32) -> f32 { return 2.0 * fused_0[${at}]; }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = wid.x * 64 + lane;
  if i < COUNT { out[i] = epilogue(i, 0.0); }
}`,
    buffers: [to, from],
    workgroups: [3, 1, 1],
    onElements: true,
  };
}

Deno.test("joinKernels() counts workgroups through and shares what is read", () => {
  const joined = joinKernels(
    [[kernel("1.0", [4, 5])], [kernel("3.0", [4, 6])]],
    4096,
  )!;
  assertEquals(joined.buffers, [4, 5, 6]);
  assertEquals(joined.writes, [false, true, true]);
  assertEquals(joined.workgroups, 12);
  assertStringIncludes(joined.text, "if group < 12u");
  // A swizzle is no name.
  assertStringIncludes(joined.text, "return buffer_0[i].xyzw;");
  assertEquals(joined.text.match(/var<workgroup>/g)?.length, 1);
  assertStringIncludes(joined.text, "array<vec4<f32>, 16>");
  assert(toMetal(joined.text).includes("kernel void main"));
});

Deno.test("joinKernels() lets a chain read what it stores at the same element", () => {
  const joined = joinKernels(
    [[kernel("1.0", [4, 5]), kernel("3.0", [4, 6]), twice(5, 7), twice(6, 8)]],
    4096,
  )!;
  assertEquals(joined.workgroups, 6);
  // Of the first kernel, which has stored vectors, and of the second, which is
  // about to.
  assertStringIncludes(joined.text, "2.0 * buffer_1[i / 4u][i % 4u]");
  assertStringIncludes(joined.text, "2.0 * value");
  assert(toMetal(joined.text).includes("kernel void main"));
});

Deno.test("joinKernels() refuses what would be wrong", () => {
  const first = kernel("1.0", [4, 5]);
  // Threads that wait must be as many.
  assertEquals(
    joinKernels([[first], [kernel("3.0", [4, 6], 16)]], 4096),
    undefined,
  );
  // A kernel of a chain must read the element that it is at.
  assertEquals(joinKernels([[first, twice(5, 7, "i + 1u")]], 4096), undefined);
  // Two write to one buffer.
  assertEquals(
    joinKernels([[first], [kernel("3.0", [4, 5])]], 4096),
    undefined,
  );
  // There is not as much memory.
  assertEquals(joinKernels([[first], [kernel("3.0", [4, 6])]], 255), undefined);
});
