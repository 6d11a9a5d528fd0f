/* What clients are told of the model: what it can be asked for, beside what OpenAI's object of a model has. */
#ifndef LMVR_SERVE_OFFER_H
#define LMVR_SERVE_OFFER_H

#include "serve/server_parts.h"

/* The JSON of a server that has all else, to be freed; NULL: out of memory. */
char *offer_make(const struct server *server, const lmvr_model *model);

#endif
