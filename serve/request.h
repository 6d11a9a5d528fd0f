/* The JSON of requests, in the forms of OpenAI, vLLM, Jina and SGLang, becomes a list of inputs. Every byte of it is checked.
 */
#ifndef LMVR_SERVE_REQUEST_H
#define LMVR_SERVE_REQUEST_H

#include "serve/failure.h"

#define REQUEST_MOST_TOP   1000 /* neighbors of an input */
#define REQUEST_MOST_WORDS 256

/* What the server allows and has by default. */
struct request_rules {
    const char *media_path; /* as realpath() gives it; only files below are read. NULL: none */
    size_t most_inputs;
    int most_tokens;        /* of a response */
    bool before_generation; /* there are no responses */
    lmvr_sampling sampling; /* unless the request says otherwise, and so the next */
    int dimensions;
    bool normalized;
};

struct request {
    lmvr_image *images; /* (count) */
    size_t count;
    char **features; /* (feature_count); 0: those of the server */
    size_t feature_count;
    bool describe;      /* the response is wanted */
    bool base64;        /* vectors are */
    int dimensions;     /* of vectors; 0: all */
    bool normalized;    /* vectors have length 1 */
    bool stream, usage; /* the response comes token by token, at the end of which the numbers of tokens come */
    lmvr_sampling sampling;
    char **words; /* (word_count): whose maps of attention are wanted; 0: those of all words */
    size_t word_count;
    int top;  /* neighbors that are wanted */
    bool dot; /* by the dot product, not the cosine */

    void **owned; /* (owned_count): what the others point to */
    size_t owned_count;
};

/* Reads the body of POST /v1/embeddings, or /v1/chat/completions. False: *failure says why. request_finish() is needed in any
 * case. */
bool request_read_embeddings(const void *body, size_t size, const struct request_rules *rules, struct request *request,
                             struct failure *failure);
bool request_read_chat(const void *body, size_t size, const struct request_rules *rules, struct request *request,
                       struct failure *failure);
/* That of POST /v1/attention, which is ours, and so is the next. */
bool request_read_attention(const void *body, size_t size, const struct request_rules *rules, struct request *request,
                            struct failure *failure);
bool request_read_search(const void *body, size_t size, const struct request_rules *rules, struct request *request,
                         struct failure *failure);
/* A zeroed one is allowed. */
void request_finish(struct request *request);

#endif
