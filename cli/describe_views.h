/* How describe shows an image: as it is, and under the corruptions of --corrupt. And the sheet that has all of it. */
#ifndef LMVR_CLI_DESCRIBE_VIEWS_H
#define LMVR_CLI_DESCRIBE_VIEWS_H

#include "corruption_list.h"
#include "lmvr.h"
#include "options.h"

/* View 0 is an image as it is, view i + 1 is under corruption i. Of images that are shown to a session one after another, each
 * `count` times, image i is view i % count. */
struct views {
    struct corruption_list corruptions;
    int count;
    uint64_t seed;
    struct frost *frost; /* where one of them needs it */
};

lmvr_status views_init(struct views *views, const struct options *options, lmvr_error *error);
void views_finish(struct views *views);

/* "clean" or "fog:3". */
void views_name(const struct views *views, int view, char *name, size_t size);

/* A session's filter, with the views as its user. */
lmvr_status views_filter(lmvr_pixels *pixels, size_t index, uint64_t hash, void *user, lmvr_error *error);

/* Refuses a sheet that could not be written, or would be larger than a sheet can be, before the work. */
lmvr_status views_check_sheet(const struct views *views, const struct options *options, size_t inputs, lmvr_error *error);

/* Draws the inputs with their responses, `count` each; an input with a response that is NULL is left out. */
lmvr_status views_write_sheet(const struct views *views, const char *path, char *const *inputs, size_t input_count,
                              char *const *responses, lmvr_error *error);

#endif
