#!/bin/sh
# What the model that ships can do, on scenes of seeds that it was not trained on: how well its responses name what they see, and
# the paper's tables 1 to 6 on made sets of every layout.
#
#     models/recipe/evaluate.sh [WORK [MODEL]]      as train.sh; the reports go to WORK/reports
set -eu
cd "$(dirname "$0")/../.."
work=${1:-build/model}
model=${2:-models/lmvr-small}
. models/recipe/evaluate-common.sh

draw_sets
draw imagenet 3000 600 9005
draw deepfashion 2500 625 9006
draw_scenes_of_small "$work"
check_pictures "$work/a" "$work/b" "$work/c"
measure_naming
measure_pointing

evaluate 1-design design --dataset voc2007 --data "$sets/voc2007"
evaluate 2-components-voc2007 components --dataset voc2007 --data "$sets/voc2007"
evaluate 2-components-coco components --dataset coco --data "$sets/coco"
evaluate 3-domain-shift domain-shift --dataset visda --data "$sets/visda"
evaluate 4-corruption corruption --dataset imagenet --data "$sets/imagenet" --limit 3000
say $lmvr train finetune -m "$model" --dataset deepfashion --data "$sets/deepfashion" --epochs 4 --lr 2e-4 \
    -o "$work/finetuned" --resume
evaluate 6-attributes attributes --dataset deepfashion --data "$sets/deepfashion" --finetuned "$work/finetuned"
