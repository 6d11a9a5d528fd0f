/* A data set while its files are being read: rows are added one by one, in any order of parts. */
#ifndef LMVR_LAB_DATASET_DRAFT_H
#define LMVR_LAB_DATASET_DRAFT_H

#include "lab/dataset/dataset.h"
#include "lab/dataset/listing.h"

struct draft {
    char *folder; /* that the paths are below, "" for the working folder */
    int64_t count, space;
    char **paths; /* (count), below `folder`; one that begins with '/' stands for itself */
    enum dataset_part *parts;
    struct dataset_task *tasks; /* their labels have `space` rows, of which `count` are used */
    int task_count;
    struct present present;
    bool split_by_seed; /* the parts are draft_split()'s */
    int64_t left_out;
    char left_out_why[1024];
};

/* Says where the paths begin, the folder "ROOT/NAME" or with name = NULL "ROOT". */
lmvr_status draft_set_folder(struct draft *draft, const char *root, const char *name, lmvr_error *error);

/* One more question about every image; before the first row. Names are copied, and made UTF-8. */
lmvr_status draft_add_task(struct draft *draft, const char *name, const char *group, enum labels_kind kind,
                           const char *const *classes, int class_count, lmvr_error *error);

/* The same with the classes that `names` has, in their order. */
lmvr_status draft_add_named_task(struct draft *draft, const char *name, const char *group, enum labels_kind kind,
                                 const struct names *classes, lmvr_error *error);

/* One more image: left out of every single-label task, no in all classes of the others, until the caller fills
 * draft->tasks[].labels at its row, which is draft->count - 1. */
lmvr_status draft_add(struct draft *draft, const char *path, enum dataset_part part, lmvr_error *error);

/* The same if the file is on disk; *added says whether. If not, it is left out, for "WHO: there is no PATH". */
lmvr_status draft_add_present(struct draft *draft, const char *path, enum dataset_part part, const char *who, bool *added,
                              lmvr_error *error);

/* Counts an entry that cannot be used, for the reason that the sentence gives. */
void draft_leave_out(struct draft *draft, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The row's place in a multi-label task: (class_count) of 1, -1 and 0. */
int8_t *draft_row(const struct draft *draft, int task, int64_t row);

/* Gives a fifth of the rows to DATASET_TEST, the others to DATASET_TRAIN; in a single-label first task, of each class. */
lmvr_status draft_split(struct draft *draft, uint64_t seed, lmvr_error *error);

/* "PATH is missing; WHERE" unless the path is there. */
lmvr_status draft_need(const char *path, const char *where, lmvr_error *error);

void draft_finish(struct draft *draft);

#endif
