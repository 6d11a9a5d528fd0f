# What the evaluations share, read by each: `work` and `model` are set before.
lmvr=build/lmvr sets=$work/sets reports=$work/reports
mkdir -p "$sets" "$reports"
. models/recipe/scenes.sh

say() { printf '\n$ %s\n' "$*" >&2; "$@"; }
draw() { [ -s "$sets/$1/made.json" ] || say $lmvr scenes --layout "$1" --count "$2" --test-count "$3" --seed "$4" -o "$sets/$1"; }
evaluate() { name=$1; shift; say $lmvr eval "$@" -m "$model" -q -o "$reports/$name"; }

# The sets of both: layout, pictures to train a probe, pictures to test, seed.
draw_sets() {
    draw llava 1000 1 9001
    draw voc2007 2000 1000 9002
    draw coco 2000 1000 9003
    draw visda 1500 750 9004
}

# No picture that is tested on is one of those in the folders, which were trained on. Fails where one is, and where a folder is not
# there or has none.
check_pictures() { say build/leaks "$@" -- "$sets"; }

measure_naming() {
    say $lmvr describe -m "$model" --json -q "$sets/llava/images" >"$reports/responses.jsonl"
    say build/naming "$sets/llava" "$reports/responses.jsonl" train | tee "$reports/naming.txt"
}

measure_pointing() { say build/pointing "$sets/llava" "$model" 300 | tee "$reports/pointing.txt"; }
