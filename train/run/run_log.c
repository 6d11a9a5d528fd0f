#include "train/run/run_log.h"

#include "format/file.h"
#include "lab/report/number.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_SIZE (sizeof RUN_LOG_HEADER - 1)

/* The size in bytes of the header and the lines of steps 1 to `steps`; 0: some are missing. */
static size_t kept_size(const char *text, size_t size, int64_t steps)
{
    if (size < HEADER_SIZE || memcmp(text, RUN_LOG_HEADER, HEADER_SIZE) != 0)
        return 0;
    size_t at = HEADER_SIZE;
    for (int64_t step = 1; step <= steps; step++) {
        char begins[24];
        size_t length = (size_t)snprintf(begins, sizeof begins, "%" PRId64 ",", step);
        const char *end = size - at > length ? memchr(text + at, '\n', size - at) : NULL;
        if (!end || memcmp(text + at, begins, length) != 0)
            return 0;
        at = (size_t)(end + 1 - text);
    }
    return at;
}

static lmvr_status find_end(struct run_log *log, size_t size, int64_t steps, lmvr_error *error)
{
    char *text = malloc(size + 1);
    if (!text)
        return error_no_memory(error, log->path);
    lmvr_status status = file_read_at(log->fd, log->path, text, size, 0, error);
    if (status == LMVR_OK)
        log->size = (off_t)kept_size(text, size, steps);
    free(text);
    if (status == LMVR_OK && steps > 0 && log->size == 0)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: cannot be continued: it lacks lines for the checkpoint's %" PRId64 " steps", log->path, steps);
    return status;
}

static lmvr_status cut(struct run_log *log, int64_t steps, lmvr_error *error)
{
    struct stat st;
    if (fstat(log->fd, &st) != 0)
        return file_error(error, log->path, "read");
    if (!S_ISREG(st.st_mode))
        return error_set(error, LMVR_ERROR_INVALID, "%s: not a regular file, and in the way of the output", log->path);
    TRY(find_end(log, (size_t)st.st_size, steps, error));
    TRY(file_truncate(log->fd, log->path, log->size, error));
    if (log->size > 0)
        return LMVR_OK;
    log->size = HEADER_SIZE;
    return file_write_at(log->fd, log->path, RUN_LOG_HEADER, HEADER_SIZE, 0, error);
}

lmvr_status run_log_open(struct run_log *log, const char *path, int64_t steps, lmvr_error *error)
{
    *log = (struct run_log){.path = path};
    log->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
    if (log->fd < 0)
        return file_error(error, path, "open");
    lmvr_status status = cut(log, steps, error);
    if (status != LMVR_OK)
        run_log_close(log, NULL);
    return status;
}

lmvr_status run_log_add(struct run_log *log, const struct run_row *row, lmvr_error *error)
{
    char loss[NUMBER_SIZE], rate[NUMBER_SIZE], norm[NUMBER_SIZE], validation[NUMBER_SIZE] = "", line[5 * NUMBER_SIZE];
    number_exact(row->loss, loss);
    number_exact(row->learning_rate, rate);
    number_exact(row->gradient_norm, norm);
    if (!isnan(row->validation))
        number_exact(row->validation, validation);
    int length = snprintf(line, sizeof line, "%" PRId64 ",%s,%s,%s,%s\n", row->step, loss, rate, norm, validation);
    TRY(file_write_at(log->fd, log->path, line, (size_t)length, log->size, error));
    log->size += length;
    return LMVR_OK;
}

lmvr_status run_log_sync(struct run_log *log, lmvr_error *error)
{
    return fsync(log->fd) == 0 || errno == EINVAL || errno == ENOTSUP ? LMVR_OK : file_error(error, log->path, "write");
}

lmvr_status run_log_close(struct run_log *log, lmvr_error *error)
{
    lmvr_status status = log->fd < 0 ? LMVR_OK : file_close(log->fd, log->path, error);
    log->fd = -1;
    return status;
}
