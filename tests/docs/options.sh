#!/bin/bash
# Checks that man pages and Markdown name only existing commands and options, and the man pages all of them: options.sh LMVR SOURCE
set -euo pipefail
export lmvr=$1
source=$2
# shellcheck source=commands.sh
. "$(dirname "$0")/commands.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
complain() { echo "$*"; status=1; }

# The long options that a page names after Fl, on the matching lines: those of its lists (.It), or all.
page_options() {
    awk -v lines="$2" '$0 ~ lines && / Fl |^\.Fl / && !/^\.It Ta/ {
        for (i = 1; i <= NF; i++)
            if ($i ~ /^-[a-z]/) { gsub(/[^a-z0-9-]/, "", $i); print "-" $i }
    }' "$1" | sort -u
}

list_commands >"$work/commands"
while read -r command; do list_options "$command"; done <"$work/commands" | cut -d' ' -f1 | sort -u >"$work/all"
echo --version >>"$work/all"

# Each command's page.
cut -d' ' -f1 "$work/commands" | sort -u >"$work/words"
while read -r word; do
    page=$source/docs/man/lmvr-$word.1
    [ -f "$page" ] || { complain "lmvr $word has no man page"; continue; }
    grep -E "^$word( |\$)" "$work/commands" | while read -r command; do list_options "$command"; done | cut -d' ' -f1 | sort -u >"$work/has"
    page_options "$page" '^\.It' >"$work/listed"
    page_options "$page" '' >"$work/named"
    comm -23 "$work/has" "$work/named" | while read -r option; do echo "${page##*/} does not name $option"; done >>"$work/wrong"
    comm -13 "$work/has" "$work/listed" | while read -r option; do echo "${page##*/} lists $option, which lmvr $word has not"; done >>"$work/wrong"
done <"$work/words"

# Every page: options that no command has, missing pages.
for page in "$source"/docs/man/*.1; do
    page_options "$page" '' | sort | comm -23 - <(sort "$work/all") | while read -r option; do
        echo "${page##*/} names $option, which no command has"
    done >>"$work/wrong"
    sed -n 's/^\.Xr \(lmvr[a-z-]*\) .*/\1/p' "$page" | sort -u | while read -r name; do
        [ -f "$source/docs/man/$name.1" ] || echo "${page##*/} refers to $name(1), which is not there"
    done >>"$work/wrong"
done
sed -n '/^The commands:/,/^\.El/s/^\.It Cm //p' "$source/docs/man/lmvr.1" | sort -u | comm -3 - "$work/words" | tr -d '\t' |
    while read -r word; do echo "lmvr.1 and lmvr --help do not both list $word"; done >>"$work/wrong"
find "$source/docs/man" -name 'lmvr-*.1' | sed 's|.*/lmvr-\(.*\)\.1$|\1|' | sort | comm -23 - "$work/words" |
    while read -r word; do echo "lmvr-$word.1 is of a command that is not there"; done >>"$work/wrong"

# Commands with their options, on lines of their own or, in Markdown, as `lmvr …`.
{
    awk -f "$source/tests/docs/examples.awk" "$source"/docs/man/*.1 "$source/README.md" "$source"/docs/*.md
    # shellcheck disable=SC2016 # backquotes of Markdown
    grep -ho '`lmvr [a-z][^`|…]*`' "$source/README.md" "$source"/docs/*.md | tr -d '`'
} | sed -E 's/#.*//; s/(.*[|&] *)?(build\/)?lmvr //' | sort -u >"$work/shown"
while read -r line; do
    if ! command=$(find_command "$line"); then
        grep -qxF "${line%% *}" "$work/words" || echo "lmvr $line: there is no such command"
        continue
    fi
    list_options "$command" | cut -d' ' -f1 >"$work/has"
    grep -oE -- '(^| )--[a-z0-9-]+' <<<"$line" | tr -d ' ' | while read -r option; do
        grep -qxF -e "$option" "$work/has" || echo "lmvr $line: lmvr $command has no $option"
    done || true
done <"$work/shown" >>"$work/wrong"

[ ! -s "$work/wrong" ] || { cat "$work/wrong"; status=1; }
[ $status = 0 ] && echo "$(wc -l <"$work/commands") commands, $(wc -l <"$work/all") options and $(wc -l <"$work/shown") examples agree"
exit $status
