#include "lab/dataset/roster.h"

#include <stdlib.h>

static lmvr_status grow(struct roster *roster, lmvr_error *error)
{
    int64_t space = roster->space ? roster->space * 2 : 1024;
    int64_t *rows = realloc(roster->rows, (size_t)space * sizeof *rows);
    roster->rows = rows ? rows : roster->rows;
    int *lists = realloc(roster->lists, (size_t)space * sizeof *lists);
    roster->lists = lists ? lists : roster->lists;
    if (!rows || !lists)
        return error_no_memory(error, "the list of images");
    roster->space = space;
    return LMVR_OK;
}

lmvr_status roster_add(struct roster *roster, const char *name, int64_t *number, bool *is_new, lmvr_error *error)
{
    int64_t before = roster->names.count;
    if (before == roster->space)
        TRY(grow(roster, error));
    TRY(names_add(&roster->names, name, number, error));
    *is_new = *number == before;
    if (*is_new)
        roster->rows[*number] = roster->lists[*number] = -1;
    return LMVR_OK;
}

bool roster_mark(struct roster *roster, int64_t number, int list)
{
    bool first = roster->lists[number] != list;
    roster->lists[number] = list;
    return first;
}

void roster_finish(struct roster *roster)
{
    names_finish(&roster->names);
    free(roster->rows);
    free(roster->lists);
    *roster = (struct roster){0};
}
