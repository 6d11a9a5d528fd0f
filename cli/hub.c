#include "hub.h"

#include "error.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_SIZE 129 /* of a commit: 40 letters today */

/* "org/name" as the hub has it. */
static bool is_name(const char *given)
{
    const char *slash = strchr(given, '/');
    if (!slash || slash == given || !slash[1] || strchr(slash + 1, '/') || given[0] == '.' || slash[1] == '.')
        return false;
    for (const char *c = given; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-_./", *c))
            return false;
    return true;
}

static char *join(const char *folder, const char *name)
{
    char *path = NULL;
    return folder && *folder && asprintf(&path, "%s/%s", folder, name) >= 0 ? path : NULL;
}

/* As huggingface_hub finds it; NULL: nowhere. */
static char *cache_folder(void)
{
    const char *cache = getenv("HF_HUB_CACHE"), *home = getenv("HF_HOME"), *all = getenv("XDG_CACHE_HOME");
    if (cache && *cache)
        return strdup(cache);
    if (home && *home)
        return join(home, "hub");
    return all && *all ? join(all, "huggingface/hub") : join(getenv("HOME"), ".cache/huggingface/hub");
}

/* The commit that refs/main names; false where there is none. */
static bool read_commit(const char *folder, char commit[HASH_SIZE])
{
    char *path = join(folder, "refs/main");
    FILE *file = path ? fopen(path, "re") : NULL;
    free(path);
    size_t length = file ? fread(commit, 1, HASH_SIZE - 1, file) : 0;
    if (file)
        fclose(file);
    commit[length] = '\0';
    commit[strcspn(commit, " \r\n")] = '\0';
    return *commit && !strchr(commit, '/') && commit[0] != '.';
}

/* The snapshot's folder, to be freed; NULL: there is none. */
static char *find_snapshot(const char *cache, const char *name)
{
    char relative[1024], commit[HASH_SIZE];
    int slash = (int)strcspn(name, "/");
    if (snprintf(relative, sizeof relative, "models--%.*s--%s", slash, name, name + slash + 1) >= (int)sizeof relative)
        return NULL;
    char *folder = join(cache, relative), *snapshots = join(folder, "snapshots");
    char *snapshot = folder && read_commit(folder, commit) ? join(snapshots, commit) : NULL;
    free(folder);
    free(snapshots);
    struct stat st;
    if (snapshot && stat(snapshot, &st) == 0 && S_ISDIR(st.st_mode))
        return snapshot;
    free(snapshot);
    return NULL;
}

lmvr_status hub_find(const char *given, char **path, lmvr_error *error)
{
    *path = NULL;
    if (!given)
        return LMVR_OK;
    if (access(given, F_OK) == 0 || !is_name(given)) {
        *path = strdup(given);
        return *path ? LMVR_OK : error_no_memory(error, "a file name");
    }
    char *cache = cache_folder();
    *path = cache ? find_snapshot(cache, given) : NULL;
    lmvr_status status = LMVR_OK;
    if (!*path)
        status = error_set(
            error, LMVR_ERROR_INVALID,
            "%s: is no folder, and not in the Hugging Face cache%s%s%s; `hf download %s` puts it there, if the hub has "
            "it",
            given, cache ? " (" : "", cache ? cache : "", cache ? ")" : "", given);
    free(cache);
    return status;
}
