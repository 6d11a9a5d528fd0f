#!/bin/sh
# Runs the program under valgrind on golden models, with good and bad images and with bad calls: valgrind.sh VALGRIND LMVR GOLDEN
set -eu
valgrind=$1 lmvr=$2 golden=$3
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
# libjpeg-turbo's SIMD deliberately reads beyond its rows; OpenMP's threads keep their memory until the end
export JSIMD_FORCENONE=1 OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive

run() {
    expected=$1
    shift
    status=0
    "$valgrind" -q --error-exitcode=99 --suppressions="$(dirname "$0")/valgrind.supp" --leak-check=full --errors-for-leak-kinds=definite "$lmvr" "$@" >"$out/stdout" 2>"$out/stderr" || status=$?
    [ "$status" = "$expected" ] || { echo "lmvr $*: ended with $status, not $expected"; cat "$out/stderr"; exit 1; }
}

run 1 embed -m "$golden/llava-old-f32" -f llm -f encoder:cls -f adaptor -f pixels --max-new-tokens 3 --batch 2 -o "$out/f32" \
    "$golden/images" "$golden/README.md" "$out/missing.jpg"
run 0 embed -m "$golden/llava-new-bf16" --dtype bf16 --max-new-tokens 2 --temperature 1 -o "$out/bf16.npy" "$golden/images/palette.png"
run 1 embed -m "$golden/smolvlm2-f32" -f llm:all:none -f encoder:patches:none -f adaptor --normalize --dims 8 --max-new-tokens 2 \
    -o "$out/rows" "$golden/images/gradient.jpg" "$golden/README.md" "$golden/images/tall.png"
run 1 embed -m "$golden/smolvlm2-f32" -f llm:all:none -f encoder:patches:none -f adaptor --normalize --dims 8 --max-new-tokens 2 \
    --resume -o "$out/rows" "$golden/images/gradient.jpg" "$golden/README.md" "$golden/images/tall.png"
run 0 embed -m "$golden/clip-f32" -f encoder -o "$out/clip" "$golden/images/noise.webp"
run 1 attend -m "$golden/llava-old-f32" --max-new-tokens 4 --token 0,9 -o "$out/attend" "$golden/images/gradient.jpg"
run 0 info -m "$golden/llava-f16-tied" --json
run 2 embed -m "$golden" -o "$out/none" "$golden/images"
run 2 embed -m "$golden/llava-old-f32" -f llm:all:mean:7 -o "$out/none" "$golden/images"
echo no errors and no leaks
