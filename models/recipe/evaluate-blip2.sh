#!/bin/sh
# What the small BLIP-2 can do, on scenes of seeds that it was not trained on: how well it names what it sees, and the paper's
# tables 7 and 8 on made sets.
#
#     models/recipe/evaluate-blip2.sh [WORK [MODEL [SMALL]]]      as train-blip2.sh; the reports go to WORK/reports. SMALL is WORK of
#                                                                 train.sh (default build/model)
set -eu
cd "$(dirname "$0")/../.."
work=${1:-build/blip2}
model=${2:-$work/lmvr-blip2-small} small=${3:-build/model}
. models/recipe/evaluate-common.sh

draw_sets
# Its encoder is lmvr-small's, and has seen what that was trained on.
draw_scenes_of_blip2 "$work"
draw_scenes_of_small "$small"
check_pictures "$work/scenes" "$small/a" "$small/b" "$small/c"
measure_naming
measure_pointing

evaluate 7-components-voc2007 components --dataset voc2007 --data "$sets/voc2007"
evaluate 7-components-coco components --dataset coco --data "$sets/coco"
evaluate 8-domain-shift domain-shift --dataset visda --data "$sets/visda"
