# Pairs for the T5 of a BLIP-2: what a bag of words says, in sentences. Reads "CAPTION<tab>ANSWER" of a scene a line.
#     awk -v seed=N -f pairs.awk
BEGIN {
    FS = OFS = "\t"
    srand(seed)
    prompt = " a photo of"
    queries = 32
    fillers = split("a an the of and in on with is are there image picture scene photo illustration shows show see you can we this " \
              "that to at it its be seen has have features located", filler, " ")
    for (i = 1; i <= fillers; i++) empty[filler[i]] = 1
}
function below(n) { return int(rand() * n) + 1 }
function shuffle(items, n,    i, j, t) {
    for (i = n; i > 1; i--) { j = below(i); t = items[i]; items[i] = items[j]; items[j] = t }
}
# The words of a text that say something: into words[1..count].
function content(text, words,    parts, n, i, count) {
    text = tolower(text)
    gsub(/[^a-z0-9 -]/, " ", text)
    n = split(text, parts, /[ ]+/)
    count = 0
    for (i = 1; i <= n; i++)
        if (parts[i] != "" && !(parts[i] in empty)) words[++count] = parts[i]
    return count
}
# Things in any order, each as it was said.
function things(text,    parts, n, i, out) {
    gsub(/\.? ?$/, "", text)
    n = split(text, parts, /, and |, |\. | and | with | in front of /)
    shuffle(parts, n)
    out = parts[1]
    for (i = 2; i <= n; i++) out = out (rand() < 0.5 ? " " : ", ") parts[i]
    return out
}
# Words in any order, some of them several times and some that say nothing, as many as there are queries or fewer.
function bag(text,    words, n, m, i, out, total) {
    n = content(text, words)
    if (n == 0) return text
    m = n
    total = n + int(rand() * (queries - n + 1))
    while (m < total) { m++; words[m] = rand() < 0.25 ? filler[below(fillers)] : words[below(n)] }
    shuffle(words, m)
    out = words[1]
    for (i = 2; i <= m; i++) out = out " " words[i]
    return out
}
{
    print bag($1) prompt, $1
    print bag($2) prompt, $1
    print bag(rand() < 0.5 ? $1 : $2) (rand() < 0.5 ? prompt : ""), rand() < 0.5 ? $1 : $2
    print things(rand() < 0.5 ? $1 : $2) (rand() < 0.5 ? prompt : ""), rand() < 0.5 ? $1 : $2
    print $1 (NR % 2 ? prompt : ""), $2
}
