#include "train/corpora/order.h"

#include "format/hash.h"
#include "format/random.h"

#include <stdlib.h>

/* Uniform in 0 .. n - 1, without bias (Lemire, "Fast random integer generation in an interval", 2019). */
static int64_t below(struct random *random, uint64_t n)
{
    unsigned __int128 product = (unsigned __int128)random_next(random) * n;
    if ((uint64_t)product < n) {
        uint64_t least = -n % n;
        while ((uint64_t)product < least)
            product = (unsigned __int128)random_next(random) * n;
    }
    return (int64_t)(product >> 64);
}

static void shuffle(struct order *order, int64_t epoch)
{
    struct random random;
    random_init(&random, hash_bytes(hash_bytes(HASH_START, &order->seed, sizeof order->seed), &epoch, sizeof epoch));
    for (int64_t i = 0; i < order->count; i++) {
        int64_t j = below(&random, (uint64_t)i + 1); /* Fisher-Yates shuffle, inside out */
        order->sample[i] = order->sample[j];
        order->sample[j] = i;
    }
    order->epoch = epoch;
}

void order_init(struct order *order, int64_t count, uint64_t seed, bool plain)
{
    *order = (struct order){.count = count, .seed = seed, .plain = plain, .epoch = -1};
}

void order_finish(struct order *order)
{
    free(order->sample);
    order->sample = NULL;
}

bool order_allocate(struct order *order)
{
    if (!order->plain && !order->sample)
        order->sample = calloc((size_t)order->count, sizeof *order->sample);
    return order->plain || order->sample;
}

int64_t order_at(struct order *order, int64_t position)
{
    int64_t epoch = position / order->count, within = position % order->count;
    if (order->plain)
        return within;
    if (epoch != order->epoch)
        shuffle(order, epoch);
    return order->sample[within];
}
