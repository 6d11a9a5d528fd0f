/* A program compiled with the header in tests/abi/1 and linked with today's library: old_caller MODEL IMAGE IMAGE. It uses
 * every function that takes or fills a struct, and ends with 0 if all went well. */
#include <lmvr.h>
#include <stdio.h>
#include <string.h>

#define GUARD 256

/* Structs that the library fills, with what must not be written behind them. */
static struct {
    lmvr_model_info info;
    unsigned char behind_info[GUARD];
    lmvr_feature_info feature;
    unsigned char behind_feature[GUARD];
    lmvr_session_options options, used;
    unsigned char behind_options[GUARD];
    lmvr_model_options opening;
    unsigned char behind_opening[GUARD];
    lmvr_error error;
    unsigned char behind_error[GUARD];
} mine;

static int is_whole(const unsigned char *guard)
{
    for (int i = 0; i < GUARD; i++)
        if (guard[i] != 0xA5)
            return 0;
    return 1;
}

static lmvr_status darken(lmvr_pixels *pixels, size_t index, uint64_t hash, void *user, lmvr_error *error)
{
    static const uint8_t dark[3 * 4 * 4];
    (void)index, (void)hash, (void)user;
    return lmvr_pixels_replace(pixels, 4, 4, dark, error);
}

static int print(const lmvr_result *result, void *images)
{
    if (result->status != LMVR_OK || !result->features[0] || !((const lmvr_image *)images)[result->index].path)
        return 1;
    printf("%zu embedded\n", result->index);
    return 0;
}

static int feed(lmvr_session *session, const lmvr_image *images)
{
    size_t count = 0, ended = 0;
    while (lmvr_session_submit(session, &images[count % 2], NULL, &mine.error) == LMVR_OK)
        count++;
    if (count != lmvr_session_capacity(session))
        return 0;
    while (ended < count) {
        const lmvr_event *event;
        if (lmvr_session_next(session, 60000, &event, &mine.error) != LMVR_OK || !event)
            return 0;
        if (event->result && event->result->status == LMVR_OK && event->user == images[event->index % 2].user)
            ended++;
    }
    printf("0 fed\n1 fed\n2 full\n");
    return !lmvr_session_cancel(session, 0) && lmvr_session_count(session, LMVR_STAGE_ENDED) == 0;
}

int main(int argc, char **argv)
{
    lmvr_model *model = NULL;
    lmvr_session *session = NULL;
    int good = argc == 4 && lmvr_abi_version() == LMVR_ABI_VERSION;
    memset(&mine, 0xA5, sizeof mine);
    lmvr_model_options_default(&mine.opening);
    lmvr_session_options_default(&mine.options);
    mine.opening.dtype = LMVR_DTYPE_F32;
    mine.opening.device = "cpu";
    mine.options.max_new_tokens = 3;
    mine.options.batch = 1;
    mine.options.filter = darken;
    lmvr_image images[2] = {{.path = argv[2], .user = argv}, {.path = argv[3], .max_new_tokens = 1}};
    good = good && lmvr_model_inspect(argv[1], LMVR_DTYPE_F32, &mine.info, &mine.error) == LMVR_OK &&
           lmvr_model_open_with(argv[1], &mine.opening, &model, &mine.error) == LMVR_OK &&
           lmvr_session_create(model, &mine.options, &session, &mine.error) == LMVR_OK;
    lmvr_model_get_info(model, &mine.info);
    lmvr_session_get_feature(session, 0, &mine.feature);
    lmvr_session_get_options(session, &mine.used);
    good = good && mine.info.vision.blocks > 0 && mine.info.language.blocks > 0 && mine.feature.dim > 0 &&
           mine.used.max_new_tokens == 3;
    if (good)
        printf("a model of 2 parts\n");
    good = good && lmvr_embed(session, images, 2, print, images, &mine.error) == LMVR_OK && feed(session, images);
    good = good && is_whole(mine.behind_info) && is_whole(mine.behind_feature) && is_whole(mine.behind_options) &&
           is_whole(mine.behind_opening) && is_whole(mine.behind_error);
    lmvr_session_free(session);
    lmvr_model_free(model);
    return !good;
}
