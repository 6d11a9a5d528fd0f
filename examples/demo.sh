#!/bin/sh
# The main job on pictures that come with the project: what the model says of them, their representations, which of them are
# alike, where it looks when it chooses a word, and the time taken.
set -eu
cd "$(dirname "$0")/.."
lmvr=build/lmvr model=models/lmvr-small out=${DEMO_OUT:-build/demo}
rm -rf "$out"
mkdir -p "$out"
say() { printf '\n$ %s\n' "$*"; "$@"; }

echo "The model that comes with the project is small, and knows 137 kinds of things in drawn scenes; $model/README.md is its"
echo "card. Bring your own with -m, such as a download of llava-hf/llava-1.5-7b-hf."
say $lmvr info
begin=$(date +%s%N)
say $lmvr describe examples/scenes
say $lmvr embed -f llm -f clip=encoder:cls -o "$out/features" examples/scenes
end=$(date +%s%N)
echo "done in $(((end - begin) / 1000000)) ms"
say ls -l "$out/features"
say head -n 1 "$out/features/index.jsonl"

echo
echo "Each picture's two nearest neighbors among the others, by the cosine of their (centered) representations:"
say build/example_neighbors $model examples/scenes/*.jpg

picture=examples/scenes/1.jpg
echo
echo "Where the model looks when it chooses each word, as heat maps over $picture: $out/attention/sheet.png"
say $lmvr attend -q -o "$out/attention" $picture
ls "$out/attention"
