#include "image/decode.h"

#include "format/hash.h"
#include "image/kinds.h"
#include "image/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* No sensible image file is larger, and reading stops before memory is exhausted. */
#define MAX_FILE_BYTES ((size_t)1 << 30)

typedef lmvr_status decoder(const struct image_file *, struct image *, struct image_metadata *, lmvr_error *);

static decoder *const decoders[] = {
    [IMAGE_JPEG] = decode_jpeg, [IMAGE_PNG] = decode_png,   [IMAGE_WEBP] = decode_webp, [IMAGE_GIF] = decode_gif,
    [IMAGE_BMP] = decode_bmp,   [IMAGE_TIFF] = decode_tiff, [IMAGE_AVIF] = decode_avif,
};

lmvr_status image_create(const struct image_file *file, uint32_t width, uint32_t height, struct image *image, lmvr_error *error)
{
    if (width == 0 || height == 0)
        return error_set(error, LMVR_ERROR_INPUT, "%s: an image of %u x %u pixels", file->name, width, height);
    uint64_t pixels = (uint64_t)width * height;
    if (pixels > (uint64_t)file->most_pixels)
        return error_set(error, LMVR_ERROR_INPUT, "%s: %u x %u pixels are more than the limit of %d", file->name, width, height,
                         file->most_pixels);
    image->rgb = pages_zeroed(pixels * 3);
    if (!image->rgb)
        return error_no_memory(error, file->name);
    image->width = (int)width;
    image->height = (int)height;
    return LMVR_OK;
}

void image_finish(struct image *image)
{
    free(image->rgb);
    *image = (struct image){0};
}

lmvr_status image_decode_within(const void *bytes, size_t size, int most_pixels, const char *name, struct image *image,
                                lmvr_error *error)
{
    *image = (struct image){0};
    struct image_file file = {bytes, size, name, most_pixels};
    if (size == 0)
        return error_set(error, LMVR_ERROR_INPUT, "%s: the file is empty", name);
    enum image_kind kind = image_kind_of(bytes, size);
    if (kind == IMAGE_NONE)
        return error_set(error, LMVR_ERROR_INPUT, "%s: not a %s image", name, IMAGE_KINDS);
    struct image_metadata metadata = {0};
    lmvr_status status = decoders[kind](&file, image, &metadata, error);
    if (status == LMVR_OK)
        status = image_orient(image, exif_orientation(&metadata), error);
    free(metadata.owned);
    if (status != LMVR_OK)
        image_finish(image);
    return status;
}

lmvr_status image_decode(const void *bytes, size_t size, const char *name, struct image *image, lmvr_error *error)
{
    return image_decode_within(bytes, size, IMAGE_MAX_PIXELS, name, image, error);
}

/* ---- files ----------------------------------------------------------------------------------------------------------- */

static lmvr_status check_kind(int fd, const char *path, size_t *size, lmvr_error *error)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return error_set(error, LMVR_ERROR_INPUT, "%s: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return error_set(error, LMVR_ERROR_INPUT, "%s: is a folder, expected an image file", path);
    if (!S_ISREG(st.st_mode))
        return error_set(error, LMVR_ERROR_INPUT, "%s: not a regular file", path);
    if ((uint64_t)st.st_size > MAX_FILE_BYTES)
        return error_set(error, LMVR_ERROR_INPUT, "%s: larger than 1 GiB, the limit for image files", path);
    *size = (size_t)st.st_size;
    return LMVR_OK;
}

/* Reads up to `size` bytes; *got is less if the file has shrunk in the meantime. */
static lmvr_status read_whole(int fd, const char *path, uint8_t *bytes, size_t size, size_t *got, lmvr_error *error)
{
    for (*got = 0; *got < size;) {
        ssize_t n = read(fd, bytes + *got, size - *got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set(error, LMVR_ERROR_INPUT, "%s: %s", path, strerror(errno));
        if (n == 0)
            return LMVR_OK;
        *got += (size_t)n;
    }
    return LMVR_OK;
}

static lmvr_status read_and_decode(int fd, const char *path, int most_pixels, struct image *image, uint64_t *bytes_hash,
                                   lmvr_error *error)
{
    size_t size = 0, got = 0;
    TRY(check_kind(fd, path, &size, error));
    uint8_t *bytes = malloc(size + 1);
    if (!bytes)
        return error_no_memory(error, path);
    lmvr_status status = read_whole(fd, path, bytes, size, &got, error);
    if (status == LMVR_OK)
        status = image_decode_within(bytes, got, most_pixels, path, image, error);
    if (status == LMVR_OK && bytes_hash)
        *bytes_hash = hash_bytes(HASH_START, bytes, got);
    free(bytes);
    return status;
}

lmvr_status image_read_within(const char *path, int most_pixels, struct image *image, uint64_t *bytes_hash, lmvr_error *error)
{
    *image = (struct image){0};
    /* Without O_NONBLOCK, opening a FIFO would wait for a writer. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, LMVR_ERROR_INPUT, "%s: %s", path, strerror(errno));
    lmvr_status status = read_and_decode(fd, path, most_pixels, image, bytes_hash, error);
    close(fd);
    return status;
}

lmvr_status image_read(const char *path, struct image *image, uint64_t *bytes_hash, lmvr_error *error)
{
    return image_read_within(path, IMAGE_MAX_PIXELS, image, bytes_hash, error);
}
