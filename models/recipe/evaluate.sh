#!/bin/sh
# What the model that ships can do, on scenes of seeds that it was not trained on: how well its responses name what they see, and
# the paper's tables 1 to 6 on made sets of every layout.
#
#     models/recipe/evaluate.sh [WORK [MODEL]]      as train.sh; the reports go to WORK/reports
set -eu
cd "$(dirname "$0")/../.."
recipe=models/recipe lmvr=build/lmvr work=${1:-build/model}
model=${2:-models/lmvr-small}
sets=$work/sets reports=$work/reports
mkdir -p "$sets" "$reports"
say() { printf '\n$ %s\n' "$*" >&2; "$@"; }
draw() { [ -s "$sets/$1/made.json" ] || say $lmvr scenes --layout "$1" --count "$2" --test-count "$3" --seed "$4" -o "$sets/$1"; }

draw llava 1000 1 9001
draw voc2007 2000 1000 9002
draw coco 2000 1000 9003
draw visda 1500 750 9004
draw imagenet 3000 600 9005
draw deepfashion 2500 625 9006

# No picture that is tested on is one that was trained on, byte for byte.
if [ -d "$work/a/images" ]; then
    find "$work/a/images" "$work/b/images" -name '*.jpg' -exec sha256sum {} + | cut -c1-64 | sort -u >"$work/trained.sums"
    find "$sets" -name '*.jpg' -exec sha256sum {} + | cut -c1-64 | sort -u >"$work/tested.sums"
    echo "pictures trained on: $(wc -l <"$work/trained.sums"), tested on: $(wc -l <"$work/tested.sums"), in both: $(comm -12 "$work/trained.sums" "$work/tested.sums" | wc -l)"
    [ -z "$(comm -12 "$work/trained.sums" "$work/tested.sums")" ]
fi

say $lmvr describe -m "$model" --json -q "$sets/llava/images" >"$reports/responses.jsonl"
say build/naming "$sets/llava" "$reports/responses.jsonl" train | tee "$reports/naming.txt"

evaluate() { name=$1; shift; say $lmvr eval "$@" -m "$model" -q -o "$reports/$name"; }
evaluate 1-design design --dataset voc2007 --data "$sets/voc2007"
evaluate 2-components-voc2007 components --dataset voc2007 --data "$sets/voc2007"
evaluate 2-components-coco components --dataset coco --data "$sets/coco"
evaluate 3-domain-shift domain-shift --dataset visda --data "$sets/visda"
evaluate 4-corruption corruption --dataset imagenet --data "$sets/imagenet" --limit 3000
say $lmvr train finetune -m "$model" --dataset deepfashion --data "$sets/deepfashion" --epochs 4 --lr 2e-4 \
    -o "$work/finetuned" --resume
evaluate 6-attributes attributes --dataset deepfashion --data "$sets/deepfashion" --finetuned "$work/finetuned"
