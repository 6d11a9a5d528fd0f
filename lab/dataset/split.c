#include "lab/dataset/split.h"

#include "format/hash.h"

#include <stdlib.h>
#include <string.h>

struct row {
    int32_t stratum;
    uint64_t key;
    int64_t number;
};

/* FNV alone gives short texts similar high bits. */
uint64_t split_key(uint64_t seed, const char *text)
{
    return hash_mix(hash_bytes(hash_bytes(HASH_START, &seed, sizeof seed), text, strlen(text)));
}

uint64_t split_path_key(uint64_t seed, const char *path)
{
    const char *begin = path + strlen(path);
    for (int slashes = 0; begin > path; begin--) {
        slashes += begin[-1] == '/';
        if (slashes == 2)
            break;
    }
    return split_key(seed, begin);
}

static int by_stratum_and_key(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    if (a->stratum != b->stratum)
        return a->stratum < b->stratum ? -1 : 1;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static int64_t fifth(int64_t count)
{
    int64_t nearest = (count + 2) / 5;
    return count < 2 ? 0 : nearest < 1 ? 1 : nearest;
}

lmvr_status split_choose(int64_t count, const int32_t *strata, const uint64_t *keys, int64_t most, bool *chosen,
                         lmvr_error *error)
{
    struct row *rows = malloc(((size_t)count + 1) * sizeof *rows);
    if (!rows)
        return error_no_memory(error, "a choice of images");
    for (int64_t i = 0; i < count; i++)
        rows[i] = (struct row){strata[i], keys[i], i};
    qsort(rows, (size_t)count, sizeof *rows, by_stratum_and_key);
    for (int64_t begin = 0, end; begin < count; begin = end) {
        for (end = begin; end < count && rows[end].stratum == rows[begin].stratum; end++)
            ;
        int64_t wanted = most > 0 ? most : most == SPLIT_AS_MANY ? 0 : fifth(end - begin);
        for (int64_t i = begin; i < end && most == SPLIT_AS_MANY; i++)
            wanted += chosen[rows[i].number];
        for (int64_t i = begin; i < end; i++)
            chosen[rows[i].number] = i - begin < wanted;
    }
    free(rows);
    return LMVR_OK;
}
