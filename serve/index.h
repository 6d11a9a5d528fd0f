/* What clients see of the index: GET /v1/index/ROW/image and GET /v1/index/map. */
#ifndef LMVR_SERVE_INDEX_H
#define LMVR_SERVE_INDEX_H

#include "serve/server_parts.h"

/* Answers what is asked for at `path`, which follows "/v1/index/", of a server that has an index. */
void index_answer(struct server *server, struct exchange *exchange, const char *path);

#endif
