/* What takes a while and needs no model: done in order, on a few threads of its own, so that those of http.h never wait. */
#ifndef LMVR_SERVE_ERRANDS_H
#define LMVR_SERVE_ERRANDS_H

#include "serve/http.h"

struct errands;

lmvr_status errands_create(struct errands **errands, lmvr_error *error);
/* Does what has been asked for first. NULL is allowed. */
void errands_free(struct errands *errands);

/* Has a request answered by `run`, unless its client hangs up or its time is over before. In a route's function; `user` and
 * `number` are passed on. */
void errands_add(struct errands *errands, struct exchange *exchange,
                 void (*run)(struct exchange *exchange, void *user, uint64_t number), void *user, uint64_t number);

#endif
