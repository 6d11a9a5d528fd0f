# What `lmvr --help` says, for the other scripts here; $lmvr is the program.
# shellcheck shell=bash disable=SC2154

# The commands, one per line, such as "probe fit".
list_commands() { "$lmvr" --help | sed -n 's/^  \([a-z][a-z -]*[a-z]\)  *[A-Z].*/\1/p'; }

# The options of a command, one per line, each with the name of its value if it takes one: "--output DIR".
list_options() {
    # shellcheck disable=SC2086 # two words
    "$lmvr" $1 --help | sed -nE 's/^  (-[a-z],|   ) (--[a-z0-9-]+( [^ ]+)?).*/\2/p'
}

# The command that a line of arguments begins with; fails if there is none.
find_command() {
    local command
    while read -r command; do
        case "$* " in "$command "*) echo "$command" && return 0 ;; esac
    done < <(list_commands)
    return 1
}
