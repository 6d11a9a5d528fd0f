/* Files in searched folders that are no images, counted by how their names end. */
#ifndef LMVR_CLI_PASSED_OVER_H
#define LMVR_CLI_PASSED_OVER_H

#include "lmvr.h"

#define PASSED_OVER_ENDING 16 /* bytes; a longer ending is none */

struct passed_over_kind {
    char ending[PASSED_OVER_ENDING]; /* ".heic", in small letters; "": none */
    size_t count;
};

/* All zero is empty. */
struct passed_over {
    struct passed_over_kind *kinds;
    size_t kind_count;
    char *folder;   /* the first one that was named by the user and holds such files */
    size_t folders; /* how many there are */
};

/* Of all kinds together. */
size_t passed_over_count(const struct passed_over *passed);

lmvr_status passed_over_add(struct passed_over *passed, const char *name, lmvr_error *error);

/* Says that the folder holds some of what was added. */
lmvr_status passed_over_note_folder(struct passed_over *passed, const char *folder, lmvr_error *error);

#define PASSED_OVER_LINE 512

/* "photos/: 3 .heic, 2 .txt, 1 without extension", the most frequent first; "2 folders: ..." where there are several. */
void passed_over_format(const struct passed_over *passed, char *text, size_t size);

void passed_over_finish(struct passed_over *passed);

#endif
