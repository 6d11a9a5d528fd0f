#!/bin/sh
# The small BLIP-2 that ships, from scenes and the small LLaVA: trains a T5 on what is said about scenes, and BLIP-2's two stages, by
# the program alone. An hour and three quarters on two cores; what was interrupted goes on where it was.
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
. models/recipe/scenes.sh

draw_scenes_of_blip2 "$work"
scenes=$work/scenes

# The language model and its vocabulary. What reads a Q-Former should not need words in their order: it learns to say in sentences
# what a bag of words holds, and beside that text; then the same of words with noise on them.
pairs() {
    sed -n 's/.*"caption":"\([^"]*\)"}$/\1/p' "$scenes/captions$1.jsonl" >"$work/captions$1.txt"
    sed -n 's/^[^[]*\[{"from":"human","value":"[^"]*"},{"from":"gpt","value":"\([^"]*\)".*/\1/p' "$scenes/llava$1.json" |
        paste "$work/captions$1.txt" - | awk -v seed=7 -f $recipe/pairs.awk
}
{ pairs ""; grep -v USER "$scenes/text.txt" | head -n 40000; } >"$work/language.txt"
pairs _test >"$work/language_test.txt"
say $lmvr train language --config $recipe/language.json --vocabulary-size "${PIECES:-750}" --data "$work/language.txt" \
    --validation "$work/language_test.txt" --batch 64 --max-tokens 256 --steps "${STEPS:-4500}" --lr 1e-3 --warmup 100 \
    --validate-every 250 --checkpoint-every 250 --seed 1 -o "$work/language" --resume
say $lmvr train language -m "$work/language" --noise 4 --data "$work/language.txt" --validation "$work/language_test.txt" \
    --batch 64 --max-tokens 256 --steps "${STEPS:-2500}" --lr 7e-4 --warmup 100 --validate-every 250 --checkpoint-every 250 \
    --seed 2 -o "$work/language-noise" --resume

# The encoder: that of the small LLaVA, as an EVA. A BLIP-2 begins with an encoder that has learned to see, and keeps it frozen.
mkdir -p "$work/eva"
[ -s "$work/eva/model.safetensors" ] ||
    say build/as_eva models/lmvr-small 4 "$work/eva" "$scenes"/images/0000[0-5]?.jpg "$scenes"/images/00006[0-3].jpg

# Stage 1: the Q-Former against the frozen encoder.
say $lmvr train qformer --vision "$work/eva" --config $recipe/qformer.json --vocabulary "$work/language/spiece.model" \
    --data "$scenes/captions.jsonl" --validation "$scenes/captions_test.jsonl" --batch 64 --max-tokens 48 \
    --steps "${STEPS:-1600}" --lr 1e-3 --clip 1 --warmup 100 --validate-every 200 --checkpoint-every 200 -o "$work/qformer" --resume

# Captions, and the first sentences of the answers to those who asked for a description.
{
    cat "$scenes/captions.jsonl"
    sed -n 's/^[^{]*{"id":"[^"]*","image":"\([^"]*\)","conversations":\[{"from":"human","value":"\([^"]*\)"},{"from":"gpt","value":"\([^".]*\.\).*/\1\t\2\t\3/p' "$scenes/llava.json" |
        awk -F'\t' '$2 ~ /escri|What (do|can) you see|What is (in the (image|picture)|happening|shown)|Explain|Tell me|What does the image show/ &&
            $3 ~ / / { printf "{\"image\":\"%s\",\"caption\":\"%s\"}\n", $1, $3 }'
} >"$scenes/sentences.jsonl"

# Stage 2: the Q-Former and the projection against the language model, first with it, then with it frozen.
say $lmvr train qformer-language -m "$work/qformer" --language "$work/language-noise" --train-language \
    --data "$scenes/sentences.jsonl" --validation "$scenes/captions_test.jsonl" --batch 64 --max-tokens 48 \
    --steps "${STEPS:-3000}" --lr 7e-4 --clip 1 --warmup 100 --prompt-share 1 --validate-every 100 --checkpoint-every 250 \
    -o "$work/whole" --resume
say $lmvr train qformer-language -m "$work/whole" --data "$scenes/sentences.jsonl" --validation "$scenes/captions_test.jsonl" \
    --batch 64 --max-tokens 48 --steps "${STEPS:-2200}" --lr 4e-4 --clip 1 --warmup 100 --prompt-share 1 --seed 3 \
    --validate-every 100 --checkpoint-every 250 --save-dtype bf16 -o "$work/frozen" --resume

mkdir -p "$model"
cp "$work/frozen/config.json" "$work/frozen/model.safetensors" "$work/frozen/preprocessor_config.json" \
    "$work/frozen/spiece.model" "$model"
for stage in language language-noise qformer whole frozen; do
    cp "$work/$stage/loss.svg" "$model/loss-$stage.svg"
    cp "$work/$stage/loss.csv" "$model/loss-$stage.csv"
done
echo "the model: $model"
