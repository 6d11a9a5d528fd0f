/* A small run to store: six inputs, the third of which fails, and three features: one with rows that span pages, one with
 * several rows an input, of which the fifth has none. */
#ifndef LMVR_TESTS_STORE_SAMPLE_H
#define LMVR_TESTS_STORE_SAMPLE_H

#include "scratch.h"

#include "format/hash.h"
#include "store/store.h"

#define SAMPLE_COUNT 6
#define SAMPLE_WIDE  3000
#define SAMPLE_MANY  5
#define SAMPLE_KINDS 3

static const char *const sample_inputs[SAMPLE_COUNT] = {"a.jpg", "b/b.jpg", "bad.jpg", "d\xff.jpg", "é.jpg", "f.jpg"};
static struct store_feature sample_features[] = {{"llm", "llm:all:mean:-1", 3, false, NPY_F32},
                                                 {"wide", "pixels", SAMPLE_WIDE, false, NPY_F32},
                                                 {"many", "llm:all:none:-1", SAMPLE_MANY, true, NPY_F32}};
static const size_t sample_rows[SAMPLE_COUNT] = {3, 1, 0, 7, 0, 2}; /* of the last */

/* From now on, rows are kept in this type. */
UNUSED static void sample_keep(enum npy_type type)
{
    for (size_t i = 0; i < SAMPLE_KINDS; i++)
        sample_features[i].type = type;
}

/* Adds input `i`, always the same bytes. */
UNUSED static lmvr_status sample_add(struct store *store, size_t i, lmvr_error *error)
{
    static float wide[SAMPLE_WIDE], many[7 * SAMPLE_MANY];
    const float narrow[3] = {(float)i, 0.5f, -1};
    const float *const rows[] = {narrow, wide, many};
    const size_t counts[] = {1, 1, sample_rows[i]};
    const int32_t tokens[] = {(int32_t)i, 17, 2};
    for (size_t j = 0; j < SAMPLE_WIDE; j++)
        wide[j] = (float)(i * SAMPLE_WIDE + j);
    for (size_t j = 0; j < 7 * SAMPLE_MANY; j++)
        many[j] = (float)(i * 100 + j);
    struct index_line line = {.path = sample_inputs[i], .response = "a dog", .tokens = tokens, .token_count = 3};
    if (i == 2)
        line.error = "bad.jpg: not a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF image";
    return store_add(store, rows, counts, &line, error);
}

/* Inputs by name, for a store that resumes. */
struct sample_list {
    const char *const *names;
    size_t count, given;
};

UNUSED static lmvr_status sample_next_name(void *user, const char *was, const char **name, lmvr_error *error)
{
    struct sample_list *list = user;
    (void)was, (void)error;
    *name = list->given < list->count ? list->names[list->given++] : NULL;
    return LMVR_OK;
}

/* Opens a store of these inputs. */
UNUSED static lmvr_status sample_open_list(struct store_plan plan, const char *const *names, size_t count, struct store **store,
                                           lmvr_error *error)
{
    struct sample_list list = {names, count, 0};
    plan.input_count = count;
    plan.inputs_hash = HASH_START;
    for (size_t i = 0; i < count; i++)
        plan.inputs_hash = hash_bytes(plan.inputs_hash, names[i], strlen(names[i]) + 1);
    plan.next_name = sample_next_name;
    plan.user = &list;
    lmvr_status status = store_open(&plan, store, error);
    if (status == LMVR_OK)
        assert_int_equal(list.given, store_done(*store));
    return status;
}

UNUSED static lmvr_status sample_open(const char *output, enum store_mode mode, const char *prompt, struct store **store,
                                      lmvr_error *error)
{
    json_t *options = json_pack("{s:s, s:f, s:i}", "prompt", prompt, "temperature", (double)0.7f, "seed", 5);
    struct store_plan plan = {
        .output = output, .mode = mode, .features = sample_features, .feature_count = SAMPLE_KINDS, .options = options};
    lmvr_status status = sample_open_list(plan, sample_inputs, SAMPLE_COUNT, store, error);
    json_decref(options);
    return status;
}

/* Runs from the current position up to input `end`. */
UNUSED static lmvr_status sample_run(const char *output, enum store_mode mode, size_t end, const char *prompt,
                                     lmvr_error *error)
{
    struct store *store;
    lmvr_status status = sample_open(output, mode, prompt, &store, error);
    if (status != LMVR_OK)
        return status;
    for (size_t i = store_done(store); i < end && status == LMVR_OK; i++)
        status = sample_add(store, i, error);
    lmvr_status closed = store_close(store, status == LMVR_OK ? error : NULL);
    return status == LMVR_OK ? closed : status;
}

UNUSED static void assert_same_results(const char *a, const char *b)
{
    static const char *const names[] = {"run.json", "index.jsonl",      "llm.npy",       "wide.npy",
                                        "many.npy", "many.offsets.npy", "llm.scale.npy", "many.scale.npy"};
    for (size_t i = 0; i < sizeof names / sizeof *names - (sample_features[0].type == NPY_INT8 ? 0 : 2); i++) {
        char path_a[256], path_b[256];
        snprintf(path_a, sizeof path_a, "%s/%s", a, names[i]);
        snprintf(path_b, sizeof path_b, "%s/%s", b, names[i]);
        assert_same_file(path_a, path_b);
    }
}

#endif
