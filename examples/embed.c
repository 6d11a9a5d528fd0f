/* Prints the beginning of each image's representation: embed MODEL IMAGE... */
#include <lmvr.h>
#include <stdio.h>
#include <stdlib.h>

static int print(const lmvr_result *r, void *images)
{
    const char *path = ((const lmvr_image *)images)[r->index].path;
    if (r->status != LMVR_OK)
        return fprintf(stderr, "%s\n", r->error), 0;
    printf("%s\t%g %g %g ...\t%s\n", path, r->features[0][0], r->features[0][1], r->features[0][2], r->response);
    return 0;
}

int main(int argc, char **argv)
{
    lmvr_error error = {{0}};
    lmvr_model *model = NULL;
    lmvr_session *session = NULL;
    lmvr_session_options options;
    lmvr_session_options_default(&options);
    size_t count = argc > 2 ? (size_t)argc - 2 : 0;
    lmvr_image *images = calloc(count + 1, sizeof *images);
    for (size_t i = 0; i < count && images; i++)
        images[i].path = argv[i + 2];
    int failed = !count || !images || lmvr_model_open(argv[1], LMVR_DTYPE_DEFAULT, 0, &model, &error) ||
                 lmvr_session_create(model, &options, &session, &error) ||
                 lmvr_embed(session, images, count, print, images, &error);
    if (failed)
        fprintf(stderr, "%s\n", count ? error.message : "usage: embed MODEL IMAGE...");
    lmvr_session_free(session);
    lmvr_model_free(model);
    free(images);
    return failed;
}
