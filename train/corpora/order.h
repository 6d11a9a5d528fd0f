/* The order of samples: the sample at position p, counted over all epochs, depends only on the seed. */
#ifndef LMVR_TRAIN_CORPORA_ORDER_H
#define LMVR_TRAIN_CORPORA_ORDER_H

#include <stdbool.h>
#include <stdint.h>

struct order {
    int64_t count; /* samples */
    uint64_t seed;
    bool plain;      /* not shuffled, in any epoch */
    int64_t epoch;   /* the epoch of the permutation below; -1: none yet */
    int64_t *sample; /* (count) */
};

void order_init(struct order *order, int64_t count, uint64_t seed, bool plain);
void order_finish(struct order *order);

/* Allocates the permutation; false: out of memory. */
bool order_allocate(struct order *order);

/* The sample at `position`, 0 or more. Fast for consecutive positions; each new epoch costs a shuffle. */
int64_t order_at(struct order *order, int64_t position);

#endif
