#include "serve/page.h"

#include "format/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

extern const char serve_page_index_html[], serve_page_page_css[], serve_page_page_js[], serve_page_api_js[],
    serve_page_picture_js[], serve_page_words_js[], serve_page_vector_js[], serve_page_search_js[], serve_page_map_js[],
    serve_page_labels_js[], serve_page_tsne_js[], serve_page_icon_svg[];

static const struct page_file {
    const char *name, *type, *text;
} files[] = {
    {"", "text/html; charset=utf-8", serve_page_index_html},
    {"page.css", "text/css; charset=utf-8", serve_page_page_css},
    {"page.js", "text/javascript; charset=utf-8", serve_page_page_js},
    {"api.js", "text/javascript; charset=utf-8", serve_page_api_js},
    {"picture.js", "text/javascript; charset=utf-8", serve_page_picture_js},
    {"words.js", "text/javascript; charset=utf-8", serve_page_words_js},
    {"vector.js", "text/javascript; charset=utf-8", serve_page_vector_js},
    {"search.js", "text/javascript; charset=utf-8", serve_page_search_js},
    {"map.js", "text/javascript; charset=utf-8", serve_page_map_js},
    {"labels.js", "text/javascript; charset=utf-8", serve_page_labels_js},
    {"tsne.js", "text/javascript; charset=utf-8", serve_page_tsne_js},
    {"icon.svg", "image/svg+xml", serve_page_icon_svg},
};

/* Nothing from elsewhere, nothing between the lines, and no frame around it. Pictures are what the user has opened. */
static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; worker-src 'self'; "
                             "img-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

void page_answer(struct exchange *exchange, const char *name)
{
    struct failure failure;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (strcmp(files[i].name, name) != 0)
            continue;
        struct http_file file = {.type = files[i].type, .text = files[i].text, .size = strlen(files[i].text), .policy = policy};
        snprintf(file.tag, sizeof file.tag, "\"%016" PRIx64 "\"", hash_bytes(HASH_START, file.text, file.size));
        exchange_answer_file(exchange, &file);
        return;
    }
    failure_write(&failure, 404, NULL, "the page has no file \"%.100s\"", name);
    exchange_fail(exchange, &failure);
}
