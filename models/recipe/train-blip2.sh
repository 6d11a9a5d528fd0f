#!/bin/sh
# A small BLIP-2, from nothing: draws scenes, trains an EVA encoder as a CLIP's, a T5 on what is said about scenes, and BLIP-2's
# two stages, by the program alone. About an hour on two cores; what was interrupted goes on where it was.
#
# None is shipped: what comes out does not describe what it sees. Without the stage on pairs a probe on VOC's layout found 45.7 mAP in
# the encoder's patches, 44.3 behind stage 1, 44.6 behind stage 2, but only 35.0 in the T5's states (at a rate of 1e-3 stage 2
# unlearned all, 18.4). With the T5 trained on pairs, and 900 steps of stage 2, its responses name as little: micro-F1 0.017.
#
#     models/recipe/train-blip2.sh [WORK [MODEL]]   WORK: where everything is kept (default build/blip2)
#                                                   MODEL: where the model goes (default WORK/lmvr-blip2-small)
# The environment can make it smaller, to try it: COUNT pictures, STEPS of each training, PIECES of the vocabulary.
set -eu
cd "$(dirname "$0")/../.."
recipe=models/recipe/blip2 lmvr=build/lmvr work=${1:-build/blip2}
model=${2:-$work/lmvr-blip2-small}
mkdir -p "$work"
say() { printf '\n$ %s\n' "$*"; "$@"; }

# Seed 303 is for training; no other part of the project draws from it.
scenes=$work/scenes
[ -s "$scenes/text.txt" ] || say $lmvr scenes --layout llava --count "${COUNT:-60000}" --test-count 500 --seed 303 --size 128 \
    --force -o "$scenes"

# The language model, on all that is said about scenes, and with it the vocabulary.
say $lmvr train language --config $recipe/language.json --vocabulary-size "${PIECES:-800}" --data "$scenes/text.txt" \
    --validation "$scenes/text_test.txt" --batch 64 --max-tokens 64 --steps "${STEPS:-5000}" --lr 1e-3 --validate-every 250 \
    --checkpoint-every 250 --seed 1 -o "$work/language" --resume

# The same on pairs, what is said of a scene and its caption: a language model that has to say what its encoder's states hold, not
# only what goes on well, should be one that a Q-Former can speak to while it stays frozen. Half of the sources end with BLIP-2's prompt.
pairs() {
    sed -n 's/.*"caption":"\([^"]*\)"}$/\1/p' "$scenes/captions$1.jsonl" >"$work/captions$1.txt"
    sed -n 's/^[^[]*\[{"from":"human","value":"[^"]*"},{"from":"gpt","value":"\([^"]*\)".*/\1/p' "$scenes/llava$1.json" |
        paste "$work/captions$1.txt" - | awk -F'\t' -v prompt=" a photo of" '{
            print $1 (NR % 2 ? prompt : "") "\t" $2
            print $2 (NR % 2 ? "" : prompt) "\t" $1 }'
}
{ pairs ""; head -n 60000 "$scenes/text.txt"; } >"$work/pairs.txt"
pairs _test >"$work/pairs_test.txt"
say $lmvr train language -m "$work/language" --data "$work/pairs.txt" --validation "$work/pairs_test.txt" --batch 64 \
    --max-tokens 256 --steps "${STEPS:-3500}" --lr 7e-4 --warmup 100 --validate-every 250 --checkpoint-every 250 --seed 2 \
    -o "$work/language-pairs" --resume

# The encoder, as a CLIP's. The captions are read by the language model's vocabulary.
say $lmvr train contrastive --config $recipe/clip.json --vocabulary "$work/language/spiece.model" \
    --data "$scenes/captions.jsonl" --validation "$scenes/captions_test.jsonl" --batch 128 --max-tokens 48 \
    --steps "${STEPS:-2000}" --lr 1e-3 --weight-decay 0.1 --clip 1 --warmup 100 --validate-every 250 --checkpoint-every 250 \
    -o "$work/clip" --resume

# Stage 1: the Q-Former against the frozen encoder.
say $lmvr train qformer --vision "$work/clip" --config $recipe/qformer.json --vocabulary "$work/language/spiece.model" \
    --data "$scenes/captions.jsonl" --validation "$scenes/captions_test.jsonl" --batch 64 --max-tokens 48 \
    --steps "${STEPS:-900}" --lr 1e-3 --clip 1 --warmup 100 --validate-every 250 --checkpoint-every 250 -o "$work/qformer" --resume

# Stage 2: the Q-Former and the projection against the frozen language model.
say $lmvr train qformer-language -m "$work/qformer" --language "$work/language-pairs" --data "$scenes/captions.jsonl" \
    --validation "$scenes/captions_test.jsonl" --batch 64 --max-tokens 48 --steps "${STEPS:-2500}" --lr 3e-4 --clip 1 \
    --warmup 100 --prompt-share 0.7 --validate-every 250 --checkpoint-every 250 --save-dtype bf16 -o "$work/stage2" --resume

mkdir -p "$model"
cp "$work/stage2/config.json" "$work/stage2/model.safetensors" "$work/stage2/preprocessor_config.json" \
    "$work/stage2/spiece.model" "$model"
for stage in language language-pairs clip qformer stage2; do
    cp "$work/$stage/loss.svg" "$model/loss-$stage.svg"
    cp "$work/$stage/loss.csv" "$model/loss-$stage.csv"
done
echo "the model: $model"
