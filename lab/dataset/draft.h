/* A data set under construction, while its files are being read: rows are added one by one, with the splits in any order. */
#ifndef LMVR_LAB_DATASET_DRAFT_H
#define LMVR_LAB_DATASET_DRAFT_H

#include "lab/dataset/dataset.h"
#include "lab/dataset/listing.h"
#include "lab/dataset/passed_over.h"

struct draft {
    char *folder; /* root directory for the paths, "" for the working directory */
    int64_t count, space;
    char **paths; /* (count), relative to `folder`, or absolute */
    enum dataset_part *parts;
    struct dataset_task *tasks; /* the labels have room for `space` rows, of which `count` are used */
    int task_count;
    struct present present;
    bool split_by_seed; /* draft_split() made the split */
    int64_t left_out;
    char left_out_why[1024];
    struct passed_over passed_over; /* in class folders */
};

/* Sets the root directory for the paths to "ROOT/NAME", or with name = NULL to "ROOT". */
lmvr_status draft_set_folder(struct draft *draft, const char *root, const char *name, lmvr_error *error);

/* Adds a task; only before the first row. Names are copied, and made valid UTF-8. */
lmvr_status draft_add_task(struct draft *draft, const char *name, const char *group, enum labels_kind kind,
                           const char *const *classes, int class_count, lmvr_error *error);

/* The same, with the classes of `names` in their order. */
lmvr_status draft_add_named_task(struct draft *draft, const char *name, const char *group, enum labels_kind kind,
                                 const struct names *classes, lmvr_error *error);

/* Adds an image, ignored in single-label tasks and negative for all classes of the others until the caller fills in
 * draft->tasks[].labels at its row, draft->count - 1. */
lmvr_status draft_add(struct draft *draft, const char *path, enum dataset_part part, lmvr_error *error);

/* The same if the file exists; *added tells. If not, it is left out with the reason "WHO: there is no PATH". */
lmvr_status draft_add_present(struct draft *draft, const char *path, enum dataset_part part, const char *who, bool *added,
                              lmvr_error *error);

/* Counts an entry that cannot be used, with the reason as a sentence. */
void draft_leave_out(struct draft *draft, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The row's labels in a multi-label task: (class_count) of 1, -1 and 0. */
int8_t *draft_row(const struct draft *draft, int task, int64_t row);

/* Assigns a fifth of the rows to DATASET_TEST and the others to DATASET_TRAIN; if the first task is single-label, per class. */
lmvr_status draft_split(struct draft *draft, uint64_t seed, lmvr_error *error);

/* Fails with "PATH is missing; WHERE" unless the path exists. */
lmvr_status draft_need(const char *path, const char *where, lmvr_error *error);

void draft_finish(struct draft *draft);

#endif
