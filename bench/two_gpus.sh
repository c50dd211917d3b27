#!/bin/sh
# One GPU of this host against two: the step of a model of 24 layers, hidden
# size 896, one row of 512 tokens a rank, LoRA of rank 16 on all linear layers.
# Says where the time of the exchange goes, and how many times the tokens of one
# GPU two give. For Linux with NVIDIA, as root, since each rank hides the GPU of
# the other; needs Deno and Open MPI.
#
#   bench/two_gpus.sh [FOLDER] [RANKS]
#
# The model is made in FOLDER, or in a temporary one, unless it is there. DENO
# and MPIRUN name other programs.
set -eu
cd "$(dirname "$0")/.."
deno=${DENO:-deno}
ranks=${2:-2}
if [ $# -gt 0 ]; then
  folder=$1
else
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
fi
if [ ! -e "$folder/config.json" ]; then
  "$deno" run -A bench/make_model.ts "$folder"
fi
# Open MPI refuses to run as root without both.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
"${MPIRUN:-mpirun}" -np "$ranks" --bind-to none \
  "$deno" run -A bench/scaling.ts \
  --model "$folder" --length 512 --rows 1 --gpu-per-rank
