/*
 * The orientation from an EXIF block, which is a TIFF file's first directory (TIFF 6.0, section 2), or from XMP. What counts
 * and what is ignored follows Pillow's Exif and ImageFileDirectory_v2, except that a block for which Pillow would refuse the
 * whole image is ignored here: it says nothing about the pixels.
 */
#include "image/decode.h"

#include <string.h>

#define TAG_ORIENTATION 274

struct tiff {
    const uint8_t *bytes;
    uint64_t size;
    bool big_endian;
};

/* The unsigned number in `width` bytes at `offset`; the caller has checked the bounds. */
static uint64_t number(const struct tiff *t, uint64_t offset, int width)
{
    uint64_t value = 0;
    for (int i = 0; i < width; i++)
        value = value << 8 | t->bytes[offset + (t->big_endian ? i : width - 1 - i)];
    return value;
}

static bool inside(const struct tiff *t, uint64_t offset, uint64_t size)
{
    return offset <= t->size && size <= t->size - offset;
}

/* Bytes per value of a TIFF type, 0 for unknown types. */
static int type_size(unsigned type)
{
    static const uint8_t sizes[] = {[1] = 1, [2] = 1, [3] = 2,  [4] = 4,  [5] = 8,  [6] = 1,  [7] = 1,
                                    [8] = 2, [9] = 4, [10] = 8, [11] = 4, [12] = 8, [13] = 4, [16] = 8};
    return type < sizeof sizes ? sizes[type] : 0;
}

static int64_t signed_number(const struct tiff *t, uint64_t offset, int width)
{
    int unused = 64 - 8 * width;
    return (int64_t)(number(t, offset, width) << unused) >> unused;
}

/* The first value of the tag as an orientation. Python's 6 == 6.0 == Fraction(6, 1), so any numeric type counts. */
static int value_of(const struct tiff *t, unsigned type, uint64_t offset)
{
    double value = 0;
    switch (type) {
    case 3:  /* SHORT */
    case 4:  /* LONG */
    case 13: /* IFD */
    case 16: /* LONG8 */
        value = (double)number(t, offset, type_size(type));
        break;
    case 6: /* SBYTE */
    case 8: /* SSHORT */
    case 9: /* SLONG */
        value = (double)signed_number(t, offset, type_size(type));
        break;
    case 5: /* RATIONAL */
        value = (double)number(t, offset, 4) / (double)number(t, offset + 4, 4);
        break;
    case 10: /* SRATIONAL */
        value = (double)signed_number(t, offset, 4) / (double)signed_number(t, offset + 4, 4);
        break;
    case 11: { /* FLOAT */
        uint32_t bits = (uint32_t)number(t, offset, 4);
        float f;
        memcpy(&f, &bits, sizeof f);
        value = f;
        break;
    }
    case 12: { /* DOUBLE */
        uint64_t bits = number(t, offset, 8);
        memcpy(&value, &bits, sizeof value);
        break;
    }
    default: /* text and bytes are not numbers */
        return 0;
    }
    for (int orientation = 1; orientation <= 8; orientation++)
        if (value == orientation)
            return orientation;
    return 0;
}

/* Looks the tag up in the directory at `at`. Returns whether it exists; *orientation is 0 if its value is of no use. */
static bool find_in_directory(const struct tiff *t, uint64_t at, int *orientation)
{
    if (!inside(t, at, 2))
        return false;
    uint64_t count = number(t, at, 2), elsewhere = 0;
    at += 2;
    for (uint64_t i = 0; i < count && inside(t, at, 12); i++, at += 12) {
        unsigned tag = (unsigned)number(t, at, 2), type = (unsigned)number(t, at + 2, 2);
        uint64_t size = number(t, at + 4, 4) * type_size(type), where = at + 8;
        if (size == 0)
            continue;
        if (size > 4) {
            /* Values stored elsewhere in the block must fit into it, all together. */
            elsewhere += size;
            if (elsewhere > t->size)
                continue;
            where = number(t, where, 4);
            if (!inside(t, where, size))
                return false; /* Pillow stops reading here */
        }
        if (tag == TAG_ORIENTATION) {
            *orientation = value_of(t, type, where);
            return true;
        }
    }
    return false;
}

static bool find_in_exif(const uint8_t *bytes, size_t size, int *orientation)
{
    for (int i = 0; i < 2 && size >= 6 && memcmp(bytes, "Exif\0\0", 6) == 0; i++) {
        bytes += 6;
        size -= 6;
    }
    if (size < 8)
        return false;
    struct tiff t = {bytes, size, bytes[0] == 'M'};
    if (memcmp(bytes, "II", 2) != 0 && memcmp(bytes, "MM", 2) != 0)
        return false;
    /* The 42 is accepted in either byte order: some cameras write the wrong one. */
    if (memcmp(bytes + 2, "\x2a\0", 2) != 0 && memcmp(bytes + 2, "\0\x2a", 2) != 0)
        return false;
    return find_in_directory(&t, number(&t, 4, 4), orientation);
}

/* In XMP it is tiff:Orientation="6" or <tiff:Orientation>6. */
static int find_in_xmp(const uint8_t *bytes, size_t size)
{
    static const char key[] = "tiff:Orientation";
    const uint8_t *end = bytes + size;
    for (const uint8_t *p = bytes; (p = memmem(p, (size_t)(end - p), key, sizeof key - 1)) != NULL;) {
        p += sizeof key - 1;
        size_t skip = end - p >= 2 && p[0] == '=' && p[1] == '"' ? 2 : end - p >= 1 && p[0] == '>' ? 1 : 0;
        if (skip && (size_t)(end - p) > skip && p[skip] >= '0' && p[skip] <= '9')
            return p[skip] - '0';
    }
    return 0;
}

int exif_orientation(const struct image_metadata *metadata)
{
    int orientation = metadata->orientation;
    bool found = orientation || (metadata->exif && find_in_exif(metadata->exif, metadata->exif_size, &orientation));
    if (!found && metadata->xmp)
        orientation = find_in_xmp(metadata->xmp, metadata->xmp_size);
    return orientation >= 1 && orientation <= 8 ? orientation : 1;
}
