#include "search/nearest.h"

#include <math.h>
#include <stdlib.h>

static bool is_less(const struct neighbor *a, const struct neighbor *b)
{
    return a->score < b->score || (a->score == b->score && a->row > b->row);
}

/* Moves the item at `place` down until none below it is less. */
static void sink(struct nearest *n, size_t place)
{
    struct neighbor item = n->items[place];
    for (size_t below; (below = 2 * place + 1) < n->count; place = below) {
        if (below + 1 < n->count && is_less(&n->items[below + 1], &n->items[below]))
            below++;
        if (!is_less(&n->items[below], &item))
            break;
        n->items[place] = n->items[below];
    }
    n->items[place] = item;
}

static void rise(struct nearest *n, size_t place)
{
    struct neighbor item = n->items[place];
    for (size_t above; place > 0 && is_less(&item, &n->items[above = (place - 1) / 2]); place = above)
        n->items[place] = n->items[above];
    n->items[place] = item;
}

void nearest_offer(struct nearest *nearest, struct neighbor neighbor)
{
    if (nearest->count < nearest->space) {
        nearest->items[nearest->count] = neighbor;
        rise(nearest, nearest->count++);
    } else if (is_less(&nearest->items[0], &neighbor)) {
        nearest->items[0] = neighbor;
        sink(nearest, 0);
    }
}

double nearest_least(const struct nearest *nearest)
{
    return nearest->count < nearest->space ? -INFINITY : nearest->items[0].score;
}

static int greatest_first(const void *a, const void *b)
{
    return is_less(a, b) ? 1 : is_less(b, a) ? -1 : 0;
}

void nearest_sort(struct nearest *nearest)
{
    qsort(nearest->items, nearest->count, sizeof *nearest->items, greatest_first);
}
