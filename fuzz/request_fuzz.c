/* The JSON of requests: the first byte chooses the form, the others are the body. What is taken must be inputs that a session
 * can be given. */
#include "serve/request.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(const struct request *request, const struct request_rules *rules)
{
    if (request->count < 1 || request->count > rules->most_inputs)
        abort();
    for (size_t i = 0; i < request->count; i++) {
        const lmvr_image *image = &request->images[i];
        if ((!image->path && !image->text) || image->rgb || image->max_new_tokens < 1 ||
            image->max_new_tokens > rules->most_tokens)
            abort();
        if (image->path && !image->bytes && strncmp(image->path, "/usr", 4) != 0)
            abort();
        if ((image->text && !*image->text && !image->path) || (image->bytes && !image->byte_count && !image->path))
            abort();
    }
    for (size_t i = 0; i < request->feature_count; i++)
        if (!*request->features[i] || strchr(request->features[i], '\n'))
            abort();
    for (size_t i = 0; i < request->word_count; i++)
        if (!*request->words[i] || strchr(request->words[i], '\n'))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct request_rules rules = {
        .media_path = size && bytes[0] & 2 ? "/usr" : NULL, .most_inputs = 16, .most_tokens = 8, .sampling = {.top_p = 1}};
    struct request request = {0};
    struct failure failure = {0};
    if (size == 0)
        return 0;
    bool taken = bytes[0] & 8   ? request_read_attention(bytes + 1, size - 1, &rules, &request, &failure)
                 : bytes[0] & 4 ? request_read_search(bytes + 1, size - 1, &rules, &request, &failure)
                 : bytes[0] & 1 ? request_read_chat(bytes + 1, size - 1, &rules, &request, &failure)
                                : request_read_embeddings(bytes + 1, size - 1, &rules, &request, &failure);
    if (taken)
        check(&request, &rules);
    else if (failure.status < 400 || !failure.error.message[0])
        abort();
    request_finish(&request);
    return 0;
}
