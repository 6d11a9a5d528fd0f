#include "corruption_list.h"

#include "error.h"

#include <stdlib.h>
#include <string.h>

/* Calls `take` for each comma-separated word. */
static lmvr_status each_word(const char *list, lmvr_status (*take)(char *word, void *user, lmvr_error *error), void *user,
                             lmvr_error *error)
{
    char *copy = strdup(list);
    if (!copy)
        return error_no_memory(error, "a list");
    lmvr_status status = LMVR_OK;
    for (char *word = copy, *rest; word && status == LMVR_OK; word = rest) {
        rest = strchr(word, ',');
        if (rest)
            *rest++ = '\0';
        status = take(word, user, error);
    }
    free(copy);
    return status;
}

static lmvr_status take_type(char *word, void *user, lmvr_error *error)
{
    enum corruption_type type;
    unsigned *types = user;
    if (strcmp(word, "all") == 0)
        *types |= CORRUPTION_BENCHMARK;
    else if (strcmp(word, "extra") == 0)
        *types |= CORRUPTION_EXTRA;
    else if (corruption_find(word, &type))
        *types |= 1U << type;
    else
        return error_set(error, LMVR_ERROR_INVALID, "there is no corruption \"%s\"; lmvr corrupt --help lists them", word);
    return LMVR_OK;
}

static bool add_severity(const char *word, unsigned *severities)
{
    if (strcmp(word, "all") == 0)
        *severities |= ((1U << CORRUPTION_SEVERITIES) - 1) << 1;
    else if (*word >= '1' && *word < '1' + CORRUPTION_SEVERITIES && !word[1])
        *severities |= 1U << (*word - '0');
    else
        return false;
    return true;
}

static lmvr_status take_severity(char *word, void *user, lmvr_error *error)
{
    if (add_severity(word, user))
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "--severity takes 1 to 5, a list of them or all, not \"%s\"", word);
}

lmvr_status corruption_parse_types(const char *text, unsigned *types, lmvr_error *error)
{
    *types = 0;
    return each_word(text, take_type, types, error);
}

lmvr_status corruption_parse_severities(const char *text, unsigned *severities, lmvr_error *error)
{
    *severities = 0;
    return each_word(text, take_severity, severities, error);
}

static void add(struct corruption_list *list, enum corruption_type type, int severity)
{
    for (int i = 0; i < list->count; i++)
        if (list->items[i].type == type && list->items[i].severity == severity)
            return;
    list->items[list->count++] = (struct corruption_choice){type, severity};
}

static void add_all(unsigned types, unsigned severities, struct corruption_list *list)
{
    for (int type = 0; type < CORRUPTION_TYPES; type++)
        for (int severity = 1; severity <= CORRUPTION_SEVERITIES; severity++)
            if (types >> type & 1 && severities >> severity & 1)
                add(list, (enum corruption_type)type, severity);
}

void corruption_list_fill(unsigned types, unsigned severities, struct corruption_list *list)
{
    list->count = 0;
    add_all(types, severities, list);
}

static lmvr_status take_pair(char *word, void *user, lmvr_error *error)
{
    unsigned types = 0, severities = 0;
    char *colon = strchr(word, ':');
    if (!colon || !add_severity(colon + 1, &severities))
        return error_set(error, LMVR_ERROR_INVALID, "--corrupt takes NAME:SEVERITY, such as fog:3, not \"%s\"", word);
    *colon = '\0';
    TRY(take_type(word, &types, error));
    add_all(types, severities, user);
    return LMVR_OK;
}

lmvr_status corruption_parse_pairs(const char *text, struct corruption_list *list, lmvr_error *error)
{
    list->count = 0;
    return each_word(text, take_pair, list, error);
}
