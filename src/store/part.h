/* An index and the tables that go with it, kept in step: all results of a run, or those of one of its parts. */
#ifndef LMVR_SRC_STORE_PART_H
#define LMVR_SRC_STORE_PART_H

#include "format/place.h"
#include "store/index.h"
#include "store/manifest.h"
#include "store/resume.h"
#include "store/table.h"

struct part {
    char *index_path; /* NULL: not open */
    int index_fd;     /* while it is open, the index of one of many parts is locked */
    off_t index_size;
    struct table *features;
    size_t feature_count;
    uint64_t done, rows; /* inputs, and those that have not failed */
    bool changed;        /* inputs were added */
    uint64_t clipped;    /* values that were too large for their type */
};

/* Whether there are lines to resume: a part without any is created anew. */
bool part_has_lines(const struct place *place, size_t number);

/* Makes the files, or empties them. `number` may be PLACE_WHOLE. LMVR_ERROR_INVALID: another process writes the part, or has
 * finished it. */
lmvr_status part_create(const struct place *place, size_t number, const struct store_feature *features, size_t count,
                        struct part *part, lmvr_error *error);

/* Opens existing files and finds what is done, as resume_find() does, but changes nothing yet: that part_cut() does. */
lmvr_status part_open(const struct place *place, size_t number, const struct store_feature *features, size_t count,
                      resume_name_fn *next_name, void *user, struct part *part, lmvr_error *error);

/* Removes what lies behind what is done. */
lmvr_status part_cut(struct part *part, lmvr_error *error);

/* Records the next input, as store_add() does. A failure leaves the inputs before it intact. */
lmvr_status part_add(struct part *part, const float *const *rows, const size_t *counts, const struct index_line *line,
                     lmvr_error *error);

/* Syncs the tables and closes them: nothing can be added any more. */
lmvr_status part_close_tables(struct part *part, lmvr_error *error);

/* Syncs everything to disk, closes it, and ends the lock. One that is not open is allowed. */
lmvr_status part_close(struct part *part, lmvr_error *error);

#endif
