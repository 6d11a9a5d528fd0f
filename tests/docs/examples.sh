#!/bin/bash
# Runs the example commands in the man pages and the README whose inputs exist: examples.sh LMVR SOURCE
#
# They run one after another in a folder with tiny models, data sets and images under the names that the pages use, so that later
# ones can read what earlier ones wrote. Each must exit with status 0. Examples with inputs that the folder lacks, and those that
# take minutes, are skipped with a message.
set -euo pipefail
export lmvr=$1
source=$2
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=commands.sh
. "$here/commands.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work/home PATH="$work/bin:$PATH" OMP_WAIT_POLICY=passive
mkdir -p "$HOME" "$work/bin" "$work/run/build"
ln -s "$lmvr" "$work/bin/lmvr"
cd "$work/run"

# ---- what the examples read

make_data() {
    local layout
    for layout in coco visda deepfashion llava; do
        lmvr scenes --layout $layout --count 24 --test-count 12 -q -o "$HOME/$layout"
    done
    lmvr scenes --layout imagenet --count 12 --test-count 2 -q -o "$HOME/imagenet" # each is corrupted 75 times
    lmvr scenes --layout voc2007 --count 40 --test-count 20 -q -o "$HOME/VOCdevkit"
    ln -s "$source/examples" examples
    ln -s "$lmvr" build/lmvr
    cp -r "$source/examples/scenes" photos
    cp photos/1.jpg photo.jpg
    cp -r photos trainval
    cp -r photos test
    mkdir -p pictures/cat pictures/dog val/owl
    cp photos/[1-3].jpg pictures/cat/
    cp photos/[4-6].jpg pictures/dog/
    cp photos/2.jpg val/owl/
    local part i
    for part in trainval test; do # every other image has a dog
        echo path,dog >$part.csv
        i=0
        for photo in "$part"/*.jpg; do echo "$photo,$((i++ % 2 * 2 - 1))"; done >>$part.csv
    done
    { echo dog && sed 1d trainval.csv | cut -d, -f2; } >L.csv
    cp -r "$HOME/llava/images" "$HOME/llava/captions.jsonl" .
    head -n 60 "$HOME/llava/text.txt" >text.txt
    { head -n 5 "$HOME/llava/llava.json" && echo ']'; } >llava_v1_5_mix665k.json
    cp llava_v1_5_mix665k.json chat.json
    mkdir LLaVA-CC3M-Pretrain-595K
    cp -r chat.json images LLaVA-CC3M-Pretrain-595K/
    sed -i 's|images/||g' LLaVA-CC3M-Pretrain-595K/chat.json
}

make_models() {
    cat >clip.json <<'JSON'
{"model_type": "clip", "architectures": ["CLIPModel"], "projection_dim": 16,
 "vision_config": {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32,
                   "patch_size": 8},
 "text_config": {"vocab_size": 402, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
                 "max_position_embeddings": 64, "bos_token_id": 400, "eos_token_id": 401}}
JSON
    cat >llama.json <<'JSON'
{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 400, "hidden_size": 16, "intermediate_size": 24,
 "num_hidden_layers": 32, "num_attention_heads": 2, "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "bos_token_id": 1,
 "eos_token_id": 2}
JSON
    lmvr train contrastive --config clip.json --data captions.jsonl --batch 8 --steps 1 -q -o clip-vit-large-patch14
    lmvr train language --config llama.json --data text.txt --batch 2 --steps 1 -q -o vicuna-7b-v1.5
    lmvr train align --vision clip-vit-large-patch14 --language vicuna-7b-v1.5 --data chat.json --batch 8 --steps 1 -q -o llava
    cp -r llava llava-1.5-7b-hf
    local hub=$HOME/.cache/huggingface/hub/models--llava-hf--llava-1.5-7b-hf # which has it by its name
    mkdir -p "$hub/refs" "$hub/snapshots"
    cp -r llava "$hub/snapshots/0"
    printf 0 >"$hub/refs/main"
    lmvr embed -m llava -f encoder -q -o F.npy trainval
}

# ---- whether an example can be run

# Prints why not, or nothing.
why_not() {
    local command option value
    case $1 in
    *" bench "*"--shape tiny "*) ;;
    *" bench "*) echo "takes minutes" && return ;;
    *" serve "*) echo "answers until it is ended; tests/serve runs it" && return ;;
    *" scenes "*"--count "[0-9][0-9][0-9][0-9]*) echo "draws a thousand pictures and more" && return ;;
    esac
    local line=${1%%#*}
    eval "set -- ${line##*[|&]}"
    shift
    command=$(find_command "$*") || { echo "is not a command" && return; }
    shift "$(wc -w <<<"$command")"
    [ "$command" = eval ] && shift
    while [ $# -gt 0 ]; do
        case $1 in
        -o | --output | --html) shift 2 ;;
        -*)
            option=$(short_to_long "$command" "$1")
            value=$(list_options "$command" | sed -n "s/^$option //p")
            shift
            case $value in
            PATH | DIR | FILE | *.npy | *.csv | *.jsonl | *.safetensors) [ -e "$1" ] || [ "$1" = llava-hf/llava-1.5-7b-hf ] || { echo "$1 is not here" && return; } ;;
            esac
            [ -z "$value" ] || shift
            ;;
        @-) shift ;;
        *) [ -e "${1#@}" ] || { echo "$1 is not here" && return; }; shift ;;
        esac
    done
}

# "--model" of "-m"
short_to_long() {
    [[ $2 != --* ]] || { echo "$2" && return; }
    # shellcheck disable=SC2086 # two words
    "$lmvr" $1 --help | sed -nE "s/^  $2, (--[a-z0-9-]+).*/\1/p"
}

# A tiny model may not say a word; that is not the command's failure.
allowed() { [ "$2" = 0 ] || { [ "$2" = 1 ] && [[ $1 == *" attend "* ]]; }; }

# Removes the line's output, so that it starts as it does for a reader.
clear_output() {
    local output
    grep -oE -- ' -o [^ ]+' <<<"$1" | cut -d' ' -f3 | while read -r output; do rm -rf -- "./$output"; done || true
}

make_data
make_models
awk -f "$here/examples.awk" "$source"/docs/man/lmvr*.1 "$source/README.md" >"$work/examples"
ran=0 failed=0
while read -r -u 3 line; do
    # if a line has several commands, each is checked in turn
    reason=$(why_not "$line")
    if [ -n "$reason" ]; then
        echo "skipped, $reason: $line"
        continue
    fi
    clear_output "$line"
    status=0
    bash -c "$line" >"$work/out" 2>"$work/err" </dev/null || status=$?
    ran=$((ran + 1))
    allowed "$line" $status && continue
    failed=$((failed + 1))
    echo "status $status: $line"
    cat "$work/err"
done 3<"$work/examples"
echo "$ran examples ran, $failed failed"
[ $failed = 0 ] && [ $ran -ge 20 ]
