/* The views that describe shows of an image: clean, and with the corruptions of --corrupt; and the sheet of all of them. */
#ifndef LMVR_CLI_DESCRIBE_VIEWS_H
#define LMVR_CLI_DESCRIBE_VIEWS_H

#include "corruption_list.h"
#include "lmvr.h"
#include "options.h"

/* View 0 is the clean image, view i + 1 has corruption i. If each image is passed to a session `count` times in a row, the
 * session's image i is view i % count. */
struct views {
    struct corruption_list corruptions;
    int count;
    uint64_t seed;
    struct frost *frost; /* if a corruption needs it */
};

lmvr_status views_init(struct views *views, const struct options *options, lmvr_error *error);
void views_finish(struct views *views);

/* "clean" or "fog:3". */
void views_name(const struct views *views, int view, char *name, size_t size);

/* A session's filter, with the views as its user. */
lmvr_status views_filter(lmvr_pixels *pixels, size_t index, uint64_t hash, void *user, lmvr_error *error);

/* Checks before the work that the sheet can be written and is not too large. */
lmvr_status views_check_sheet(const struct views *views, const struct options *options, size_t inputs, lmvr_error *error);

/* Draws the inputs with their responses, `count` each; skips inputs whose response is NULL. */
lmvr_status views_write_sheet(const struct views *views, const char *path, char *const *inputs, size_t input_count,
                              char *const *responses, lmvr_error *error);

#endif
