#!/bin/sh
# The main job on the pictures that come with the project: what the model is, its responses, its features, and the time taken.
set -eu
cd "$(dirname "$0")/.."
lmvr=build/lmvr out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
say() { printf '\n$ %s\n' "$*"; "$@"; }

echo "The model that comes with the project is small and RANDOM for now: everything runs as it would with a real one, but its"
echo "words mean nothing. Try your own with -m, such as a download of llava-hf/llava-1.5-7b-hf."
say $lmvr info
say $lmvr describe --max-new-tokens 8 examples/images

begin=$(date +%s%N)
say $lmvr embed -f llm -f clip=encoder:cls --max-new-tokens 8 -o "$out/features" examples/images
end=$(date +%s%N)
echo "done in $(((end - begin) / 1000000)) ms"
say ls -l "$out/features"
say head -n 2 "$out/features/index.jsonl"
echo
echo "$ the first numbers of the first row of llm.npy"
od -A n -t f4 -j 128 -N 32 "$out/features/llm.npy"
