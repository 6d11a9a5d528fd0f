/* The order in which samples come: position p, counted over all epochs, is a function of the seed alone. */
#ifndef LMVR_TRAIN_CORPORA_ORDER_H
#define LMVR_TRAIN_CORPORA_ORDER_H

#include <stdbool.h>
#include <stdint.h>

struct order {
    int64_t count; /* samples */
    uint64_t seed;
    bool plain;      /* as they stand, in every epoch */
    int64_t epoch;   /* whose permutation is below; -1: none yet */
    int64_t *sample; /* (count) */
};

void order_init(struct order *order, int64_t count, uint64_t seed, bool plain);
void order_finish(struct order *order);

/* Memory for a permutation, once; false: there is none. */
bool order_allocate(struct order *order);

/* The sample at `position`, 0 or more. Positions of one epoch after the other are fast; an epoch's first costs a shuffle. */
int64_t order_at(struct order *order, int64_t position);

#endif
