/* What names inputs: a range of names ("r" and a text), or a list of objects (a .jsonl in an empty folder). A range gives as
 * many names as it says, and a list the entries that it counts. */
#include "lab/dataset/input_list.h"
#include "lab/dataset/name_range.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_NAMES 20000

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static char folder[] = "/tmp/lmvr-inputs-fuzz-XXXXXX";

static int here; /* the folder that the fuzzer's own paths are relative to */

static void remove_folder(void)
{
    rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (here < 0 || !mkdtemp(folder))
        abort();
    atexit(remove_folder);
    return 0;
}

static lmvr_status count_name(const char *name, void *user, lmvr_error *error)
{
    size_t *count = user;
    (void)error;
    if (strlen(name) > 10000)
        abort();
    return ++*count < MOST_NAMES ? LMVR_OK : LMVR_STOPPED;
}

static void check_range(const uint8_t *bytes, size_t size)
{
    lmvr_error error;
    size_t count = 0;
    char *text = strndup((const char *)bytes, size < 1000 ? size : 1000);
    lmvr_status status = name_range_expand(text, count_name, &count, &error);
    if (status == LMVR_OK && (count == 0 || (count > 1) > name_range_is(text)))
        abort();
    free(text);
}

static void check_list(const uint8_t *bytes, size_t size)
{
    char argument[] = "@l.jsonl", *arguments[] = {argument};
    struct input_list list;
    struct input input;
    lmvr_error error;
    bool found = true;
    size_t count = 0;
    FILE *file = fopen("l.jsonl", "we");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        abort();
    if (input_list_open(arguments, 1, 0, &list, &error) != LMVR_OK)
        return;
    for (; found; count += found)
        if (input_list_next(&list, &input, &found, &error) != LMVR_OK || (found && input.below > strlen(input.path)))
            abort();
    if (count != list.count)
        abort();
    input_list_close(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size > 0 && bytes[0] == 'r')
        check_range(bytes + 1, size - 1);
    if (size > 0 && (bytes[0] == 'r' || memchr(bytes, '/', size) || memchr(bytes, '\\', size) || memmem(bytes, size, "..", 2)))
        return 0; /* other folders are not searched */
    if (chdir(folder) != 0)
        abort();
    check_list(bytes, size);
    if (unlink("l.jsonl") != 0 || fchdir(here) != 0)
        abort();
    return 0;
}
