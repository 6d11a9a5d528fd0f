#include "format/lines.h"

#include "format/file.h"
#include "format/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_FILE_SIZE (256 << 20) /* bytes; the longest known list, VisDA's of 152,397 images, has 8 MB */

static lmvr_status read_all(int fd, uint64_t size, struct lines *lines, lmvr_error *error)
{
    if (size > MAX_FILE_SIZE)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has %llu bytes, more than the limit of %d", lines->path,
                         (unsigned long long)size, MAX_FILE_SIZE);
    lines->text = malloc(size + 1);
    if (!lines->text)
        return error_no_memory(error, lines->path);
    TRY(file_read_at(fd, lines->path, lines->text, size, 0, error));
    if (memchr(lines->text, '\0', size))
        return error_set(error, LMVR_ERROR_INVALID, "%s: has a zero byte in it, so it is not a text file", lines->path);
    bool marked = size >= 3 && memcmp(lines->text, "\xEF\xBB\xBF", 3) == 0;
    lines->next = lines->text + (marked ? 3 : 0);
    lines->end = lines->text + size;
    *lines->end = '\0';
    return LMVR_OK;
}

lmvr_status lines_open(const char *path, struct lines *lines, lmvr_error *error)
{
    int fd;
    uint64_t size;
    *lines = (struct lines){.path = path};
    TRY(input_open(path, &fd, &size, error));
    lmvr_status status = read_all(fd, size, lines, error);
    close(fd);
    if (status != LMVR_OK)
        lines_close(lines);
    return status;
}

char *lines_next(struct lines *lines)
{
    char *line = lines->next;
    if (!line || line == lines->end)
        return NULL;
    char *end = strchr(line, '\n');
    lines->next = end ? end + 1 : lines->end;
    if (!end)
        end = lines->end;
    if (end > line && end[-1] == '\r')
        end--;
    *end = '\0';
    lines->number++;
    return line;
}

void lines_close(struct lines *lines)
{
    free(lines->text);
    *lines = (struct lines){0};
}

char *lines_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \t");
    if (!*word)
        return NULL;
    char *end = word + strcspn(word, " \t");
    *rest = *end ? end + 1 : end;
    *end = '\0';
    return word;
}

bool lines_int(const char *word, int min, int max, int *value)
{
    char *end;
    const char *digits = word + (*word == '-');
    if (*digits < '0' || *digits > '9')
        return false;
    errno = 0;
    long number = strtol(word, &end, 10);
    if (errno != 0 || *end || number < min || number > max)
        return false;
    *value = (int)number;
    return true;
}
