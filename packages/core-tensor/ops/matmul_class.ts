import { roundedSize } from "./rounded_size.ts";
import type { MatmulOperand, MatmulRequest } from "./matmul_variant.ts";

/**
 * Names the kind of a matrix product: products of one kind are fast with the
 * same variant. Sizes are rounded up to 1, 1.5, 2, 3, 4, 6, 8 and so on.
 *
 * @example Usage
 * ```ts
 * import { matmulClass } from "@wick/core-tensor/ops";
 * import { assertEquals } from "@std/assert";
 *
 * const a = { dtype: "f32", offset: 0, strides: [896, 1] } as const;
 * const b = { dtype: "f16", offset: 0, strides: [1, 896] } as const;
 * assertEquals(
 *   matmulClass({ m: 1, n: 4864, k: 896, a, b, adapterClass: "gpu" }, 1),
 *   "matmul f32 f16ᵀ 1x6144x1024",
 * );
 * ```
 *
 * @param request The product.
 * @param matrices How many there are.
 * @returns The name.
 */
export function matmulClass(
  { m, n, k, a, b, joint }: MatmulRequest,
  matrices: number,
): string {
  const sizes = [m, n, k].map(roundedSize).join("x");
  return [
    joint ? "matmul_joint" : "matmul",
    typeOf(a),
    typeOf(b),
    ...joint ? [typeOf(joint.c), typeOf(joint.d)] : [],
    ...matrices > 1 ? [`${roundedSize(matrices)} of`] : [],
    joint ? `${sizes}+${roundedSize(joint.rank)}` : sizes,
  ].join(" ");
}

function typeOf({ dtype, strides }: MatmulOperand): string {
  return strides.at(-1) === 1 ? dtype : `${dtype}ᵀ`;
}
