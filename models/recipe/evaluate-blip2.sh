#!/bin/sh
# What the small BLIP-2 can do, on scenes of seeds that it was not trained on: how well it names what it sees, and the paper's
# tables 7 and 8 on made sets.
#
#     models/recipe/evaluate-blip2.sh [WORK [MODEL]]      as train-blip2.sh; the reports go to WORK/reports
set -eu
cd "$(dirname "$0")/../.."
lmvr=build/lmvr work=${1:-build/blip2}
model=${2:-models/lmvr-blip2-small}
sets=$work/sets reports=$work/reports
mkdir -p "$sets" "$reports"
say() { printf '\n$ %s\n' "$*" >&2; "$@"; }
draw() { [ -s "$sets/$1/made.json" ] || say $lmvr scenes --layout "$1" --count "$2" --test-count "$3" --seed "$4" -o "$sets/$1"; }

draw llava 1000 1 9001
draw voc2007 2000 1000 9002
draw coco 2000 1000 9003
draw visda 1500 750 9004

# No picture that is tested on is one that was trained on, byte for byte.
sums() { find "$1" -name '*.jpg' -exec sha256sum {} + | cut -c1-64 | sort -u; }
if [ -d "$work/scenes/images" ]; then
    sums "$work/scenes/images" >"$work/trained.sums"
    sums "$sets" >"$work/tested.sums"
    echo "pictures trained on: $(wc -l <"$work/trained.sums"), tested on: $(wc -l <"$work/tested.sums"), in both: $(comm -12 "$work/trained.sums" "$work/tested.sums" | wc -l)"
    [ -z "$(comm -12 "$work/trained.sums" "$work/tested.sums")" ]
fi

say $lmvr describe -m "$model" --json -q "$sets/llava/images" >"$reports/responses.jsonl"
say build/naming "$sets/llava" "$reports/responses.jsonl" train | tee "$reports/naming.txt"

evaluate() { name=$1; shift; say $lmvr eval "$@" -m "$model" -q -o "$reports/$name"; }
evaluate 7-components-voc2007 components --dataset voc2007 --data "$sets/voc2007"
evaluate 7-components-coco components --dataset coco --data "$sets/coco"
evaluate 8-domain-shift domain-shift --dataset visda --data "$sets/visda"
