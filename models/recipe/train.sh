#!/bin/sh
# The model that ships with the program, from nothing: draws scenes, trains a CLIP, a language model, and LLaVA's two stages on
# them, by the program alone. Four hours on two cores; what was interrupted goes on where it was.
#
#     models/recipe/train.sh [WORK [MODEL]]     WORK: where everything is kept (default build/model)
#                                               MODEL: where the model goes (default WORK/lmvr-small)
set -eu
cd "$(dirname "$0")/../.."
recipe=models/recipe lmvr=build/lmvr work=${1:-build/model}
model=${2:-$work/lmvr-small}
mkdir -p "$work"
say() { printf '\n$ %s\n' "$*" >&2; "$@"; }
. models/recipe/scenes.sh

draw_scenes_of_small "$work"

# Lists of two folders each, a record a line, paths from $work on.
lines() { sed -e 's/^,//' -e '/^\[$/d' -e '/^\]$/d' -e "s#\"image\":\"#\"image\":\"$1/#" "$work/$1/$2"; }
for part in "" _test; do
    { lines a captions$part.jsonl; lines b captions$part.jsonl; } >"$work/captions$part.jsonl"
    { lines a llava$part.json; lines b llava$part.json; } >"$work/llava$part.jsonl"
    { lines b llava$part.json; lines c llava$part.json; } >"$work/llava-large$part.jsonl"
done
# Text: what is said about scenes; where there is a conversation, behind the words that LLaVA begins every one with.
system="A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the user's questions."
for part in "" _test; do
    sed -e "/ USER: /s/^/$system USER: /" "$work/b/text$part.txt" >"$work/text$part.txt"
done

# The language model, and with it the vocabulary.
say $lmvr train language --config $recipe/language.json --vocabulary-size 1024 --data "$work/text.txt" \
    --validation "$work/text_test.txt" --batch 32 --max-tokens 256 --steps 300 --lr 1e-3 --validate-every 100 \
    --checkpoint-every 100 --seed 1 -o "$work/language" --resume

# CLIP: pictures and captions. Its captions are read by a vocabulary of their own (1,024 pieces, of 2,000 scenes' text).
say $lmvr train contrastive --config $recipe/clip.json --vocabulary $recipe/captions.model \
    --data "$work/captions.jsonl" --validation "$work/captions_test.jsonl" --batch 128 --max-tokens 48 --steps 3000 \
    --lr 1e-3 --weight-decay 0.1 --clip 1 --warmup 100 --validate-every 250 --checkpoint-every 250 --save-dtype bf16 -o "$work/clip" --resume

# Stage 1: the projector alone, on captions.
say $lmvr train align --vision "$work/clip" --language "$work/language" --data "$work/captions.jsonl" \
    --validation "$work/captions_test.jsonl" --batch 64 --steps 200 --validate-every 100 --checkpoint-every 100 -o "$work/align" \
    --resume

# Stage 2: projector and language model, on conversations.
say $lmvr train instruct -m "$work/align" --data "$work/llava.jsonl" --validation "$work/llava_test.jsonl" --batch 32 \
    --steps 2200 --lr 1e-3 --max-tokens 256 --validate-every 200 --checkpoint-every 100 --save-dtype bf16 -o "$work/instruct" --resume

# Stage 2 again, and now with the encoder, which has seen too few pictures for its patches to tell what is in them.
say $lmvr train instruct -m "$work/instruct" --train-vision --data "$work/llava.jsonl" --validation "$work/llava_test.jsonl" \
    --batch 32 --steps 4500 --lr 1e-3 --warmup 100 --max-tokens 256 --seed 3 --validate-every 250 --checkpoint-every 250 \
    --save-dtype bf16 -o "$work/instruct-vision" --resume
say $lmvr train instruct -m "$work/instruct-vision" --train-vision --data "$work/llava.jsonl" \
    --validation "$work/llava_test.jsonl" --batch 32 --steps 2750 --lr 9e-4 --constant --warmup 100 --max-tokens 256 --seed 4 \
    --validate-every 250 --checkpoint-every 250 --save-dtype bf16 -o "$work/instruct-more" --resume

# And on larger pictures: an object of a fifth of the picture's side covers a patch and a half of 128 pixels, two and a half of 192.
say $lmvr train instruct -m "$work/instruct-more" --train-vision --image-size 192 --data "$work/llava-large.jsonl" \
    --validation "$work/llava-large_test.jsonl" --batch 32 --steps 3400 --lr 8e-4 --warmup 100 --max-tokens 256 --seed 5 \
    --validate-every 250 --checkpoint-every 250 --save-dtype bf16 -o "$work/instruct-large" --resume

mkdir -p "$model"
cp "$work/instruct-large/config.json" "$work/instruct-large/model.safetensors" \
    "$work/instruct-large/preprocessor_config.json" "$work/instruct-large/tokenizer.model" "$model"
for stage in language clip align instruct instruct-vision instruct-more instruct-large; do
    cp "$work/$stage/loss.svg" "$model/loss-$stage.svg"
    cp "$work/$stage/loss.csv" "$model/loss-$stage.csv"
done
echo "the model: $model"
