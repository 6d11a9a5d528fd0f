#!/usr/bin/env bash
# Checks and measures lmvr on a machine with one H100 or H200, without a network, in at most 8 minutes:
#
#     gpu.sh run FOLDER [tests|sanitizer|bench|training|transformers|quantized]... | tee gpu.log
#
# FOLDER is a checkout that is built there, or what `gpu.sh pack FILE` has packed where the machine cannot build: on one that has
# CUDA's compiler and what ./setup.sh test installs, any x86-64,
#
#     cmake --preset release && cmake --build --preset release --target lmvr_cli lmvr_cuda \
#         tensor_cuda_module_module_test train_card_test session_{golden,attention,company,dual,embedding,integers}_card_test
#     bench/gpu.sh pack lmvr-gpu.tar.xz     # fails if it is not below 64 MiB
#
# then, there: tar -xJf lmvr-gpu.tar.xz && lmvr-gpu/bench/gpu.sh run lmvr-gpu. The one file to carry is lmvr-gpu.tar.xz: the program,
# the module with CUDA, the tests and their data, and the libraries they need, but for cuBLASLt of CUDA 13, which is half a
# gigabyte: it is looked for in CUDA's folders and beside PyTorch, or in the folder that CUBLAS names.
#
# Each step has a time limit, and what fails does not stop those after it. SECONDS_IN_ALL (480) ends the run.
set -u
tests=(tensor_cuda_module_module_test train_card_test session_{golden,attention,company,dual,embedding,integers}_card_test)

# ---- packing ----------------------------------------------------------------------------------------------------------------

# The libraries of these programs, and the loader; cuBLASLt and the driver's are left to the other machine.
libraries() {
    ldd "$@" | grep -oE '/[^ ]+' | grep -vE ':$|libcublasLt|libcuda\.so' | sort -u
}

pack() {
    local file root programs=(build/lmvr build/lmvr-cuda.so) size train=golden/train
    file=$(realpath "$1") root=$(realpath "$(dirname "$0")/..")
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    cd "$root" || exit
    programs+=("${tests[@]/#/build/tests/}")
    mkdir -p "$folder"/lmvr-gpu/{build/tests,build/libraries,bench,tests}
    for program in "${programs[@]}"; do
        strip -o "$folder/lmvr-gpu/$program" "$program" || { echo "$program is missing: see the top of bench/gpu.sh"; exit 1; }
    done
    libraries "${programs[@]}" | xargs cp -L -t "$folder/lmvr-gpu/build/libraries" || exit
    cp bench/gpu.sh bench/gpu_transformers.py bench/train_reference.py "$folder/lmvr-gpu/bench"
    tar -c --exclude=golden/train --exclude=golden/tokenizer --exclude=golden/corrupt --exclude=golden/probe -C tests golden |
        tar -x -C "$folder/lmvr-gpu/tests"
    tar -c -C tests "$train"/{llava,align,instruct,lora} | tar -x -C "$folder/lmvr-gpu/tests"
    tar -C "$folder" -c lmvr-gpu | xz -T0 >"$file" || exit
    size=$(stat -c %s "$file")
    echo "$file: $((size >> 20)) MiB"
    ((size < 64 << 20)) || { echo "that is too large to be carried"; exit 1; }
}

# ---- running ----------------------------------------------------------------------------------------------------------------

# heading TEXT
heading() { printf '\n==== %s (after %d s)\n\n' "$1" "$SECONDS"; }

# step LIMIT TEXT COMMAND...: runs a command for at most so many seconds, of those that are left.
step() {
    local limit=$1 text=$2 left=$((${SECONDS_IN_ALL:-480} - SECONDS)) status
    shift 2
    heading "$text"
    ((left < limit)) && limit=$left
    ((limit > 0)) || { echo "left out: no time is left"; return; }
    timeout --kill-after=5 "$limit" "$@" 2>&1
    status=$?
    case $status in
    0) ;;
    124 | 137) echo "stopped after $limit s" ;;
    *) echo "ended with status $status" ;;
    esac
}

# The folder with cuBLASLt of CUDA 13; empty: the system's own loader finds it, or nobody does.
find_cublas() {
    local folder
    for folder in "${CUBLAS:-}" /usr/local/cuda/lib64 /usr/local/cuda-13*/lib64 \
        "$(python3 -c 'import nvidia; print(list(nvidia.__path__)[0])' 2>/dev/null)"/*/lib; do
        [[ -e $folder/libcublasLt.so.13 ]] && { echo "$folder"; return; }
    done
}

# Sets `start`, which begins the command of a program: as it is, with the packed libraries, or with the packed C library too,
# where this machine's is older.
choose_start() {
    local cublas packed=$PWD/build/libraries library
    cublas=$(find_cublas)
    start=(env "LD_LIBRARY_PATH=${cublas:+$cublas:}${LD_LIBRARY_PATH:-}")
    [[ -d $packed ]] || return
    mkdir -p build/others
    for library in "$packed"/*; do
        [[ $library =~ /(ld-linux-x86-64|lib(c|m|dl|rt|pthread))\.so ]] || ln -sf "$library" build/others/
    done
    start=(env "LD_LIBRARY_PATH=${cublas:+$cublas:}$PWD/build/others:${LD_LIBRARY_PATH:-}")
    "${start[@]}" build/lmvr --version >/dev/null 2>&1 && return
    start=("$packed/ld-linux-x86-64.so.2" --library-path "$packed${cublas:+:$cublas}:${LD_LIBRARY_PATH:-}:/usr/local/nvidia/lib64:/usr/lib/x86_64-linux-gnu:/usr/lib64")
}

# sanitize SANITIZER TOOL MODEL: our kernels alone; NVIDIA's are its own business, and slow under it.
sanitize() {
    local sanitizer=$1 tool=$2 model=$3 filter=()
    "$sanitizer" --help 2>&1 | grep -q -- --kernel-regex-exclude &&
        filter=(--kernel-regex-exclude 'kns=cublas|cutlass|gemm|gemv|nvjet|splitK')
    rm -rf build/sanitized
    step 25 "compute-sanitizer --tool $tool, $model" "$sanitizer" --tool "$tool" --target-processes all --error-exitcode 9 \
        "${filter[@]}" "${start[@]}" build/lmvr embed -m "tests/golden/$model" --device cuda --max-new-tokens 4 -o build/sanitized --force -q \
        tests/golden/images/gradient.jpg
}

run_tests() {
    local test
    for test in "${tests[@]}"; do
        step "$([[ $test == session_golden_card_test ]] && echo 60 || echo 25)" "the test $test" "${start[@]}" "build/tests/$test"
    done
}

run_sanitizer() {
    local sanitizer tool model
    for sanitizer in "$(command -v compute-sanitizer)" /usr/local/cuda*/bin/compute-sanitizer; do
        [[ -x $sanitizer ]] && break
    done
    if [[ ! -x $sanitizer ]]; then
        heading "compute-sanitizer"
        echo "left out: it is not here"
        return
    fi
    for model in qwen3vl-hub-bf16 llava-old-f32; do
        for tool in memcheck racecheck; do sanitize "$sanitizer" "$tool" "$model"; done
    done
}

run_bench() {
    step 110 "lmvr bench, llava-1.5-7b" "${start[@]}" build/lmvr bench --device cuda --shape llava-1.5-7b
    step 80 "lmvr bench, qwen3-vl-2b" "${start[@]}" build/lmvr bench --device cuda --shape qwen3-vl-2b
    step 60 "lmvr bench, qwen3-vl-2b, with --fast" "${start[@]}" build/lmvr bench --device cuda --shape qwen3-vl-2b --quick --fast
    LMVR_CUDA_GRAPHS=0 step 60 "lmvr bench, qwen3-vl-2b, without graphs" "${start[@]}" build/lmvr bench --device cuda --shape qwen3-vl-2b --quick
}

# Of llava-1.5-7b's width, cut to two blocks a stack; in PyTorch without adapters.
run_training() {
    local cut=(--train --shape llava-1.5-7b --layers 2)
    step 60 "lmvr bench --train, llava-1.5-7b of two blocks" "${start[@]}" build/lmvr bench --device cuda "${cut[@]}"
    if python3 -c 'import torch, transformers; torch.zeros(1).cuda()' 2>/dev/null; then
        step 40 "PyTorch's training, llava-1.5-7b of two blocks" python3 bench/train_reference.py --device cuda --attention sdpa \
            --rows align,instruct --shape llava-1.5-7b --layers 2
    else
        heading "PyTorch's training"
        echo "left out: python3 has no PyTorch that uses the GPU, or no transformers"
    fi
}

run_transformers() {
    local shape
    for shape in llava-1.5-7b qwen3-vl-2b; do
        if python3 -c 'import torch, transformers; torch.zeros(1).cuda()' 2>/dev/null; then
            step 60 "transformers, $shape" python3 bench/gpu_transformers.py "$shape"
        else
            heading "transformers, $shape"
            echo "left out: python3 has no PyTorch that uses the GPU, or no transformers"
        fi
    done
}

# Last, as it is the part that may be cut off.
run_quantized() {
    step 110 "lmvr bench, llava-1.5-7b, int4" "${start[@]}" build/lmvr bench --device cuda --shape llava-1.5-7b --dtype int4
    step 60 "lmvr bench, llava-1.5-7b, int8" "${start[@]}" build/lmvr bench --device cuda --shape llava-1.5-7b --dtype int8 --quick
}

# run FOLDER PART...
run() {
    local start part
    cd "$1" || exit
    shift
    [[ -x build/lmvr ]] || { echo "build/lmvr is missing: see the top of bench/gpu.sh"; exit 1; }
    export LMVR_CUDA_MODULE=$PWD/build/lmvr-cuda.so PYTHONUNBUFFERED=1
    step 10 "the GPU" nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm,power.limit --format=csv
    choose_start
    echo "cuBLASLt: $(find_cublas); programs are started by: ${start[0]##*/}"
    (($#)) || set -- tests sanitizer bench training transformers quantized
    for part; do "run_$part"; done
    heading "done"
}

for part in "${@:3}"; do
    [[ $part =~ ^(tests|sanitizer|bench|training|transformers|quantized)$ ]] || set --
done
case "${1:-} $#" in
"pack 2") pack "$2" ;;
"run "[2-9]) run "${@:2}" ;;
*)
    echo "usage: gpu.sh pack FILE | gpu.sh run FOLDER [tests|sanitizer|bench|training|transformers|quantized]..." >&2
    exit 2
    ;;
esac
