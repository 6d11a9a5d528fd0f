#include "lab/eval/corrupting.h"

#include "image/encode.h"
#include "lab/corrupt/pixels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

lmvr_status corrupting_init(struct corrupting *corrupting, const struct eval_options *options, lmvr_error *error)
{
    *corrupting = (struct corrupting){.size = options->corrupt_size,
                                      .limit = options->limit,
                                      .types = options->types,
                                      .severities = options->severities ? options->severities : ~0U};
    corrupting->corruption = (struct corruption){.angle = NAN, .seed = options->seed};
    if (options->experiment->kind != EXPERIMENT_CORRUPTION || options->corrupted)
        return LMVR_OK;
    TRY(frost_create(options->textures, &corrupting->frost, error));
    corrupting->corruption.frost = corrupting->frost;
    return LMVR_OK;
}

void corrupting_finish(struct corrupting *corrupting)
{
    frost_free(corrupting->frost);
    *corrupting = (struct corrupting){0};
}

lmvr_status corrupting_list(const struct corrupting *corrupting, const char *folder, struct condition *conditions, int *count,
                            lmvr_error *error)
{
    struct dataset_corruption list[DATASET_MAX_CORRUPTIONS];
    int found, before = *count;
    unsigned types = corrupting->types ? corrupting->types : folder ? ~0U : CORRUPTION_BENCHMARK;
    if (!folder) {
        for (int type = 0; type < CORRUPTION_TYPES; type++)
            for (int severity = 1; severity <= CORRUPTION_SEVERITIES; severity++)
                if (types >> type & 1 && corrupting->severities >> severity & 1)
                    conditions[(*count)++] = (struct condition){true, (enum corruption_type)type, severity};
        return LMVR_OK;
    }
    TRY(dataset_list_corruptions(folder, list, &found, error));
    for (int i = 0; i < found; i++) {
        struct condition condition = {.corrupted = true, .severity = list[i].severity};
        if (corruption_find(list[i].name, &condition.type) && types >> condition.type & 1 &&
            corrupting->severities >> condition.severity & 1)
            conditions[(*count)++] = condition;
    }
    if (*count > before)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "%s: has none of the requested corruptions", folder);
}

lmvr_status corrupting_open(const struct corrupting *corrupting, const char *folder, const struct condition *condition,
                            const struct dataset *like, struct dataset *set, lmvr_error *error)
{
    char part[64];
    snprintf(part, sizeof part, "%s/%d", corruption_names[condition->type], condition->severity);
    struct dataset_options options = {.limit = corrupting->limit, .seed = corrupting->corruption.seed, .test_part = part};
    TRY(dataset_open("imagenet-c", folder, &options, set, error));
    lmvr_status status = dataset_match_classes(set, like, error);
    if (status != LMVR_OK)
        dataset_finish(set);
    return status;
}

json_t *corrupting_begin(struct corrupting *corrupting, const struct condition *condition, bool active)
{
    corrupting->active = active;
    corrupting->corruption.type = condition->type;
    corrupting->corruption.severity = condition->severity;
    if (!active)
        return json_object();
    return json_pack("{s:s, s:i, s:I, s:i}", "corruption", corruption_names[condition->type], "severity", condition->severity,
                     "corruption_seed", (json_int_t)corrupting->corruption.seed, "corruption_size", corrupting->size);
}

void corrupting_end(struct corrupting *corrupting)
{
    corrupting->active = false;
}

lmvr_status corrupting_apply(const struct corrupting *c, uint64_t hash, struct image *image, lmvr_error *error)
{
    if (!c->active)
        return LMVR_OK;
    if (c->size > 0)
        TRY(image_crop_imagenet_c(image, c->size, error));
    TRY(image_corrupt(&c->corruption, hash, image, error));
    return image_jpeg_round_trip(image, CORRUPTION_QUALITY, error);
}

lmvr_status corrupting_filter(lmvr_pixels *pixels, size_t index, uint64_t hash, void *user, lmvr_error *error)
{
    const struct corrupting *c = user;
    struct image image;
    (void)index;
    if (!c->active)
        return LMVR_OK;
    TRY(pixels_copy(pixels, &image, error));
    lmvr_status status = corrupting_apply(c, hash, &image, error);
    return pixels_put_back(pixels, &image, status, error);
}
