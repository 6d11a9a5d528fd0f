# The scenes that the models were trained on, drawn where they are missing; read by the scripts that train and evaluate, which set
# `lmvr` and say() before. Seeds 101, 202, 303 and 404 are for training; no other part of the project draws from them (tests and
# tables use others).
draw_scenes() { to=$1; shift; [ -s "$to/text.txt" ] || say $lmvr scenes --layout llava --test-count 500 --force "$@" -o "$to"; }

# Of lmvr-small, in a folder: scenes of two sizes, many small ones, and ones as large as those that it will be shown.
draw_scenes_of_small() {
    draw_scenes "$1/a" --count 60000 --seed 101 --size 128
    draw_scenes "$1/b" --count 30000 --seed 202
    draw_scenes "$1/c" --count 30000 --seed 404
}

# Of the Q-Former and the T5 of lmvr-blip2-small. The environment can make it smaller, to try it: COUNT pictures.
draw_scenes_of_blip2() { draw_scenes "$1/scenes" --count "${COUNT:-40000}" --seed 303 --size 192; }
