#include "tools/scenes/set.h"

#include "tools/scenes/kind.h"

#include <stdlib.h>

struct random set_random(const struct set *set, const struct picture *picture)
{
    return random_of(set->options->seed, (int)picture->part, (uint64_t)picture->index);
}

lmvr_status kind_lists_init(struct kind_lists *lists, bool (*has)(int kind), lmvr_error *error)
{
    *lists = (struct kind_lists){.with = calloc((size_t)kind_count, sizeof(int)),
                                 .without = calloc((size_t)kind_count, sizeof(int))};
    if (!lists->with || !lists->without) {
        kind_lists_finish(lists);
        return error_no_memory(error, "the kinds");
    }
    for (int i = 0; i < kind_count; i++) {
        if (has(i))
            lists->with[lists->with_count++] = i;
        else
            lists->without[lists->without_count++] = i;
    }
    return LMVR_OK;
}

void kind_lists_finish(struct kind_lists *lists)
{
    free(lists->with);
    free(lists->without);
    *lists = (struct kind_lists){0};
}

int set_class(const struct set *set, int64_t index, int count)
{
    int order[256];
    struct random r = random_of(set->options->seed, 3, 0);
    for (int i = 0; i < count && i < 256; i++)
        order[i] = i;
    random_shuffle(&r, order, count < 256 ? count : 256);
    return order[index % count];
}
