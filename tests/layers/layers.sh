#!/usr/bin/env bash
# Checks which layer includes which headers: layers.sh SOURCE. The engine may only include itself, which its include path already
# ensures, and emulate.h in CUDA's place; the lab and training may include the engine's public header and the internal headers
# listed here; the program, public headers and those of what a run leaves on disk. docs/architecture.md has a diagram.
set -euo pipefail
cd "$1"

# What every layer above the engine may include: errors, and file formats.
base='lmvr\.h|error\.h|format/[a-z_0-9]+\.h|record/(recorder|source)\.h|store/(finished|index|manifest|npy|npy_array|offsets|row_files|store)\.h|image/(encode|kinds)\.h'

# LAYER FOLDERS ALLOWED
layers=(
    "lab     lab     $base|lab/.*|image/(image|preprocess|resize)\.h|tensor/(arena|gemm)\.h"
    "train   train   $base|train/.*|lab/(dataset/(conversations|dataset)|report/(number|render)|words/letters)\.h|connector/connector\.h|image/(picture|preprocess)\.h|\
language/(input|prompt|t5|tokenizer)\.h|model/(checkpoint|config|folder|load|model)\.h|vision/(encoder|patches)\.h|\
nn/rope\.h|tensor/(activation|arena|device|dtype|gemm|gradient|matmul)\.h|tensor/cpu/(gradient|kernels|kernel_gradient|product)\.h"
    "scenes  tools   $base|tools/.*|cli/(front|interrupt|progress)\.h"
    "serve   serve   lmvr\.h|error\.h|format/(hash|json|utf8)\.h|represent/pool\.h|search/(answer|components|neighbors)\.h|store/stored\.h|image/image\.h|lab/(figure/(picture|word_maps)|words/words)\.h|serve/.*"
    "program cli     lmvr\.h|error\.h|record/(recorder|settings)\.h|search/(answer|neighbors)\.h|store/(index|stored|whole)\.h|lab/.*|train/train\.h|serve/server\.h|bench/(estimate|train_steps)\.h"
    "python  python  error\.h|hub\.h|lab/words/words\.h"
)

failed=0
for layer in "${layers[@]}"; do
    read -r name folder allowed <<<"$layer"
    while IFS=: read -r file line include; do
        header=${include#*\"}
        header=${header%%\"*}
        [[ $header != */* && -e $(dirname "$file")/$header ]] && continue
        if ! [[ $header =~ ^($allowed)$ ]]; then
            echo "$file:$line: \"$header\" is out of reach of $name (see tests/layers/layers.sh)"
            failed=1
        fi
    done < <(grep -rnE '^#include "' --include='*.[ch]' --include='*.cc' "$folder")
done

for header in $(grep -rhoE '^#include "[^"]+"' src | sed 's/#include "\(.*\)"/\1/' | sort -u); do
    [[ -e src/$header || -e include/$header || $header == oneapi/* || $header == emulate.h ]] || { echo "src includes \"$header\", which is not the engine's"; failed=1; }
done
exit $failed
