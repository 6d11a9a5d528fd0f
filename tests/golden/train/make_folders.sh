#!/bin/sh
# Trains tiny models by `lmvr train`, one folder each, and writes beside them what lmvr computes from them: check_folders.py
# compares that with transformers.
#
#     make_folders.sh LMVR OUT          LMVR: the program, with a path that begins with /
set -eu
lmvr=$1 out=$2
images=$(cd "$(dirname "$0")/../images" && pwd)
mkdir -p "$out/images" && cp "$images"/* "$out/images" && cd "$out"
export OMP_WAIT_POLICY=passive
common="--threads 1 --dtype f32 -q"

cat >captions.jsonl <<'END'
{"image": "gradient.jpg", "caption": "Colors that become others, from left to right."}
{"image": "shapes_rgba.png", "caption": "A circle and a square."}
{"image": "palette.png", "caption": "A few colors."}
{"image": "noise.webp", "caption": "Nothing but noise, as far as the eye can see."}
END
record() {
    printf '{"id": "%s", "image": "%s", "conversations": [{"from": "human", "value": "<image>\\n%s"}, {"from": "gpt", "value": "%s"}' "$1" "$1" "$2" "$3"
    [ $# -lt 5 ] || printf ', {"from": "human", "value": "%s"}, {"from": "gpt", "value": "%s"}' "$4" "$5"
    printf ']}%s\n' "$6"
}
{
    echo "["
    record gradient.jpg "What is it?" "A gradient." "Of which colors?" "Of all of them." ","
    record shapes_rgba.png "Which shapes are there?" "A circle and a square." "How many?" "Two." ","
    record noise.webp "Is it a photo?" "No, it is noise." "Sure?" "Yes." ""
    echo "]"
} >llava.json
sed 's/.*"caption": "\(.*\)"}/\1/; /gradient/s/$/ It is a gradient, and no photo./' captions.jsonl >text.txt

cat >clip_shape.json <<'END'
{"model_type": "clip", "architectures": ["CLIPModel"], "projection_dim": 24, "vision_config": {"hidden_size": 24,
 "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 3, "image_size": 24, "patch_size": 8, "projection_dim": 24},
 "text_config": {"vocab_size": 302, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
 "num_attention_heads": 2, "max_position_embeddings": 40, "bos_token_id": 300, "eos_token_id": 301, "projection_dim": 24}}
END
cat >llama_shape.json <<'END'
{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 300, "hidden_size": 32,
 "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
 "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "bos_token_id": 1, "eos_token_id": 2}
END

# train KIND DIR OPTION...; then one step at a rate of 0, after which the validation loss is that of the folder
train() {
    kind=$1 dir=$2
    shift 2
    case $kind in
    contrastive) data=captions.jsonl options="--images images --max-tokens 40 --batch 4" ;;
    language) data=text.txt options="--max-tokens 16 --batch 4" ;;
    align) data=captions.jsonl options="--images images --batch 4" ;;
    instruct) data=llava.json options="--images images --batch 3" ;;
    esac
    $lmvr train $kind $common --data $data $options --steps 6 --lr 1e-2 --warmup 1 --force -o $dir "$@"
    $lmvr train $kind $common --data $data $options --validation $data --validate-every 1 --validation-batches 1 --steps 1 --lr 0 --force \
        -m $dir -o $dir.loss
}
train contrastive clip --config clip_shape.json
train language llama --config llama_shape.json
train align align --vision clip --language llama
train instruct instruct -m align
train instruct bf16 -m align --save-dtype bf16
train instruct lora -m align --lora 4 --lora-alpha 8
train instruct lora-bf16 -m align --lora 4 --lora-alpha 8 --save-dtype bf16
for dir in align instruct bf16 lora lora-bf16; do
    $lmvr embed -m $dir $common --before-generation --force -o $dir.npy images/gradient.jpg images/shapes_rgba.png images/noise.webp
done
