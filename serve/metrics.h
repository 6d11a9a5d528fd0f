/* What Prometheus is told. */
#ifndef LMVR_SERVE_METRICS_H
#define LMVR_SERVE_METRICS_H

#include "serve/sessions.h"

struct metrics;

/* NULL: out of memory. */
struct metrics *metrics_create(void);
/* NULL is allowed. */
void metrics_free(struct metrics *metrics);

/* Counts a request that has been answered, from any thread. `path` has to stay. */
void metrics_count_request(struct metrics *metrics, const char *path, int status, double seconds);
/* Counts an input that has been computed, with its tokens. */
void metrics_count_input(struct metrics *metrics, size_t prompt_tokens, size_t generated_tokens);

/* The text, to be freed; NULL: out of memory. */
char *metrics_text(struct metrics *metrics, const struct sessions_state *state);

#endif
