#include "image/png_chunks.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

/* Pillow's MAX_TEXT_CHUNK: bytes that a compressed text may unpack to. */
#define MAX_TEXT ((size_t)1 << 20)

struct chunk {
    const uint8_t *type, *data;
    size_t size;      /* of the data, as the chunk states it */
    size_t available; /* how much of that is in the file */
    size_t next;      /* offset of the next chunk, perhaps after the file's end */
};

/* Reads the chunk at `at`: size, type, data, checksum (PNG specification, 5.3). False: no chunk starts here. */
static bool chunk_at(const struct image_file *file, size_t at, struct chunk *chunk)
{
    if (at > file->size || file->size - at < 8)
        return false;
    const uint8_t *p = file->bytes + at;
    chunk->size = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    chunk->type = p + 4;
    chunk->data = p + 8;
    size_t left = file->size - at - 8;
    chunk->available = chunk->size < left ? chunk->size : left;
    chunk->next = at + 8 + chunk->size + 4;
    for (int i = 0; i < 4; i++)
        if (!isascii(chunk->type[i]) || !(isalnum(chunk->type[i]) || chunk->type[i] == '_'))
            return false;
    return true;
}

static bool is(const struct chunk *chunk, const char *type)
{
    return memcmp(chunk->type, type, 4) == 0;
}

static bool checksum_matches(const struct image_file *file, const struct chunk *chunk)
{
    if (chunk->next > file->size)
        return false;
    const uint8_t *p = file->bytes + chunk->next - 4;
    unsigned long stored = (unsigned long)p[0] << 24 | (unsigned long)p[1] << 16 | (unsigned long)p[2] << 8 | p[3];
    return crc32(0, chunk->type, (unsigned)chunk->size + 4) == stored;
}

bool png_chunks_next_data(const struct image_file *file, size_t *at, const uint8_t **piece, size_t *size)
{
    struct chunk chunk;
    if (!chunk_at(file, *at, &chunk) || !is(&chunk, "IDAT"))
        return false;
    *piece = chunk.data;
    *size = chunk.available;
    *at = chunk.next;
    return true;
}

/* ---- text chunks that hold the orientation --------------------------------------------------------------------------- */

/* Unpacks a zlib stream to at most MAX_TEXT bytes. NULL: it is broken or longer. */
static uint8_t *unpack(const uint8_t *bytes, size_t size, size_t *unpacked)
{
    uint8_t *text = malloc(MAX_TEXT);
    uLongf length = MAX_TEXT;
    if (text && uncompress(text, &length, bytes, size) == Z_OK) {
        *unpacked = length;
        return text;
    }
    free(text);
    return NULL;
}

static int hex_digit(int c)
{
    return isdigit(c) ? c - '0' : isxdigit(c) ? (c | 32) - 'a' + 10 : -1;
}

/* Decodes ImageMagick's "Raw profile type exif" in place: three lines (empty, name, size), then hexadecimal digits. Returns the
 * number of bytes, 0 where the text is something else. */
static size_t read_hexadecimal(uint8_t *text, size_t size)
{
    size_t i = 0, bytes = 0;
    for (int line = 0; i < size && line < 3; i++)
        line += text[i] == '\n';
    while (i < size) {
        if (isspace(text[i])) {
            i++;
            continue;
        }
        int high = hex_digit(text[i]), low = i + 1 < size ? hex_digit(text[i + 1]) : -1;
        if (high < 0 || low < 0)
            return 0;
        text[bytes++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    return bytes;
}

/* Takes ownership of `text` (may be NULL), freeing an earlier one. */
static void own(struct image_metadata *metadata, uint8_t *text)
{
    if (metadata->exif == metadata->owned)
        metadata->exif = NULL;
    if (metadata->xmp == metadata->owned)
        metadata->xmp = NULL;
    free(metadata->owned);
    metadata->owned = text;
}

/* tEXt: keyword, 0, text. zTXt: keyword, 0, method, compressed text. */
static void read_raw_profile(const struct chunk *chunk, bool packed, struct image_metadata *metadata)
{
    static const char key[] = "Raw profile type exif";
    if (metadata->exif || chunk->size < sizeof key + 1 || memcmp(chunk->data, key, sizeof key) != 0)
        return;
    const uint8_t *data = chunk->data + sizeof key;
    size_t size = chunk->size - sizeof key;
    uint8_t *text = packed ? unpack(data + 1, size - 1, &size) : malloc(size);
    if (!text)
        return;
    if (!packed)
        memcpy(text, data, size);
    own(metadata, text);
    metadata->exif_size = read_hexadecimal(text, size);
    metadata->exif = metadata->exif_size ? text : NULL;
}

/* iTXt: keyword, 0, compressed?, method, language, 0, translated keyword, 0, text. */
static void read_xmp(const struct chunk *chunk, struct image_metadata *metadata)
{
    static const char key[] = "XML:com.adobe.xmp";
    if (chunk->size < sizeof key + 4 || memcmp(chunk->data, key, sizeof key) != 0)
        return;
    const uint8_t *data = chunk->data + sizeof key, *end = chunk->data + chunk->size;
    bool packed = data[0] != 0;
    const uint8_t *language_end = memchr(data + 2, 0, (size_t)(end - data - 2));
    const uint8_t *text = language_end ? memchr(language_end + 1, 0, (size_t)(end - language_end - 1)) : NULL;
    if (!text)
        return;
    text++;
    size_t size = (size_t)(end - text);
    if (packed && !metadata->owned) {
        uint8_t *unpacked = unpack(text, size, &size);
        own(metadata, unpacked);
        text = unpacked;
    } else if (packed)
        return;
    metadata->xmp = text;
    metadata->xmp_size = size;
}

static void read_metadata(const struct chunk *chunk, struct image_metadata *metadata)
{
    if (is(chunk, "eXIf")) {
        metadata->exif = chunk->data;
        metadata->exif_size = chunk->size;
    } else if (is(chunk, "tEXt") || is(chunk, "zTXt"))
        read_raw_profile(chunk, is(chunk, "zTXt"), metadata);
    else if (is(chunk, "iTXt"))
        read_xmp(chunk, metadata);
}

/* ---- the walk -------------------------------------------------------------------------------------------------------- */

static lmvr_status broken(const struct image_file *file, const char *what, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INPUT, "%s: %s", file->name, what);
}

/* Reads the metadata of the chunks after the image data; of these only completeness is checked. */
static lmvr_status read_tail(const struct image_file *file, size_t at, bool animated, struct image_metadata *metadata,
                             lmvr_error *error)
{
    struct chunk chunk;
    while (chunk_at(file, at, &chunk) && !is(&chunk, "IEND") && !(animated && is(&chunk, "fcTL"))) {
        if (chunk.available < chunk.size)
            return broken(file, "the image file is truncated", error);
        read_metadata(&chunk, metadata);
        at = chunk.next;
    }
    return LMVR_OK;
}

static lmvr_status read_before_data(const struct image_file *file, const struct chunk *chunk, struct png_chunks *chunks,
                                    struct image_metadata *metadata, lmvr_error *error)
{
    if (chunk->available < chunk->size)
        return broken(file, "the image file is truncated", error);
    if (!checksum_matches(file, chunk))
        return error_set(error, LMVR_ERROR_INPUT, "%s: wrong checksum of PNG chunk %.4s", file->name, chunk->type);
    if (is(chunk, "IHDR") && chunk->size >= PNG_HEADER_SIZE)
        chunks->header = chunk->data;
    else if (is(chunk, "PLTE")) {
        if (chunk->size / 3 > 256)
            return broken(file, "a palette of more than 256 colors", error);
        chunks->palette = chunk->data;
        chunks->palette_colors = chunk->size / 3;
    } else
        read_metadata(chunk, metadata);
    return LMVR_OK;
}

lmvr_status png_chunks_read(const struct image_file *file, struct png_chunks *chunks, struct image_metadata *metadata,
                            lmvr_error *error)
{
    *chunks = (struct png_chunks){0};
    struct chunk chunk;
    size_t at = 8;
    bool animated = false;
    for (;; at = chunk.next) {
        if (!chunk_at(file, at, &chunk))
            return broken(file, file->size < at + 8 ? "the image file is truncated" : "broken PNG file", error);
        if (is(&chunk, "IDAT"))
            break;
        if (is(&chunk, "IEND"))
            return broken(file, "a PNG file without image data", error);
        animated = animated || is(&chunk, "acTL");
        TRY(read_before_data(file, &chunk, chunks, metadata, error));
    }
    if (!chunks->header)
        return broken(file, "a PNG file without a header", error);
    chunks->data = at;
    const uint8_t *piece;
    size_t size;
    while (png_chunks_next_data(file, &at, &piece, &size))
        ;
    return read_tail(file, at, animated, metadata, error);
}
