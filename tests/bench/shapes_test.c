/* The shapes of models on the hub, by the numbers of parameters that their checkpoints have there. */
#include "bench/bench.h"

#include "model/load.h"

#include "cmocka_all.h"

/* As the hub counts them: a tied head has no parameters of its own. */
static int64_t parameters(const struct model_config *c)
{
    int64_t head = c->language.tied ? (int64_t)c->language.vocabulary * c->language.width : 0;
    return (int64_t)(model_weights_bytes(c, &(struct dtypes){F32, F32, F32}) / sizeof(float)) - head;
}

static void shapes_have_as_many_parameters_as_on_the_hub(void **state)
{
    static const struct {
        const char *name;
        int64_t parameters, unread; /* CLIP's norm behind its last block */
    } models[] = {{"llava-1.5-7b", 7063427072, 2048},
                  {"qwen3-vl-2b", 2127532032, 0},
                  {"qwen2.5-vl-3b", 3754622976, 0},
                  {"smolvlm-256m", 256484928, 0},
                  {"llava-next-7b", 7566747648, 2048}};
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        struct model_config config;
        lmvr_error error;
        if (bench_shape(models[i].name, 0, &config, &error) != LMVR_OK)
            fail_msg("%s", error.message);
        int64_t count = parameters(&config) + models[i].unread;
        if (count != models[i].parameters)
            fail_msg("%s has %lld parameters, expected %lld", models[i].name, (long long)count,
                     (long long)models[i].parameters);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shapes_have_as_many_parameters_as_on_the_hub)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
