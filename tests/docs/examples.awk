# Prints the commands that a man page (.Dl, .Bd) or a Markdown page (indented by four spaces) shows, one per line: those of lmvr,
# alone or at the end of a pipe. Lines that end in a backslash are joined.

function emit(line) {
    sub(/^\$ /, "", line)
    if (line ~ /(^|[|&] *)(build\/)?lmvr /)
        print line
}

function add(line) {
    gsub(/\\e/, "\\", line)
    gsub(/\\-/, "-", line)
    gsub(/\\&/, "", line)
    pending = pending line
    if (pending ~ /\\$/) {
        sub(/ *\\$/, " ", pending)
        return
    }
    emit(pending)
    pending = ""
}

FNR == 1 { literal = 0; pending = "" }
/^\.Dl / { add(substr($0, 5)); next }
/^\.Bd -literal/ { literal = 1; next }
/^\.Ed/ { literal = 0; next }
literal { add($0); next }
FILENAME ~ /\.md$/ && /^    / { sub(/^    +/, ""); add($0) }
