#include "image/tiff_samples.h"

#include <string.h>

/* ---- tags ------------------------------------------------------------------------------------------------------------ */

struct tags {
    uint16_t photometric, compression, fill_order, extras, first_extra;
    bool big_endian;
};

static struct tags read_tags(TIFF *tiff, struct tiff_samples *s)
{
    struct tags tags = {.photometric = PHOTOMETRIC_MINISWHITE, .big_endian = TIFFIsBigEndian(tiff)};
    uint16_t planar = PLANARCONFIG_CONTIG, *extras = NULL;
    TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &tags.photometric);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &tags.compression);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_FILLORDER, &tags.fill_order);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &s->bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &s->format);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &s->count);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &planar);
    s->planes_apart = planar == PLANARCONFIG_SEPARATE && s->count > 1;
    if (TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &tags.extras, &extras) && tags.extras > 0)
        tags.first_extra = extras[0];
    return tags;
}

static bool is_read(uint16_t compression)
{
    static const uint16_t known[] = {COMPRESSION_NONE,      COMPRESSION_CCITTRLE,      COMPRESSION_CCITTFAX3,
                                     COMPRESSION_CCITTFAX4, COMPRESSION_LZW,           COMPRESSION_JPEG,
                                     COMPRESSION_DEFLATE,   COMPRESSION_ADOBE_DEFLATE, COMPRESSION_PACKBITS,
                                     COMPRESSION_LZMA,      COMPRESSION_ZSTD,          COMPRESSION_WEBP};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i] == compression)
            return TIFFIsCODECConfigured(compression);
    return false;
}

/* Where 0 is white, only up to 8 bits are inverted, as in Pillow. */
static bool choose_gray(struct tiff_samples *s, const struct tags *t)
{
    bool white = t->photometric == PHOTOMETRIC_MINISWHITE;
    s->color = TIFF_GRAY;
    s->inverted = white && s->bits <= 8;
    if (s->format == SAMPLEFORMAT_IEEEFP)
        return s->bits == 32;
    if (s->format == SAMPLEFORMAT_INT)
        return !white && (s->bits == 8 || s->bits == 16 || s->bits == 32);
    switch (s->bits) {
    case 1:
    case 2:
    case 4:
    case 8:
        return true;
    case 12:
        return !white;
    case 16:
        return !white || !t->big_endian;
    default:
        return s->bits == 32 && !white && !t->big_endian;
    }
}

static bool choose_palette(TIFF *tiff, struct tiff_samples *s)
{
    uint16_t *red, *green, *blue;
    if (s->bits > 8 || s->format != SAMPLEFORMAT_UINT || !TIFFGetField(tiff, TIFFTAG_COLORMAP, &red, &green, &blue))
        return false;
    s->color = TIFF_PALETTE;
    for (unsigned i = 0; i < 1U << s->bits; i++) {
        const uint16_t color[3] = {red[i], green[i], blue[i]};
        for (int c = 0; c < 3; c++)
            s->palette.rgb[i][c] = (uint8_t)(color[c] >> 8);
    }
    return s->bits == 1 || s->bits == 2 || s->bits == 4 || s->bits == 8;
}

static bool choose_color(TIFF *tiff, struct tiff_samples *s, const struct tags *t, const char **what)
{
    bool jpeg = t->compression == COMPRESSION_JPEG;
    *what = "samples of an unsupported size or kind";
    switch (t->photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
        return choose_gray(s, t);
    case PHOTOMETRIC_PALETTE:
        return choose_palette(tiff, s);
    case PHOTOMETRIC_RGB:
        s->color = TIFF_RGB;
        break;
    case PHOTOMETRIC_SEPARATED:
        s->color = TIFF_CMYK;
        break;
    case PHOTOMETRIC_YCBCR:
        *what = "YCbCr samples that are not JPEG's";
        if (!jpeg || s->planes_apart || s->count != 3)
            return false;
        s->color = TIFF_RGB; /* libjpeg converts them */
        TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        break;
    case PHOTOMETRIC_CIELAB:
    case PHOTOMETRIC_ICCLAB:
    case PHOTOMETRIC_ITULAB:
        *what = "Lab colors";
        return false;
    case PHOTOMETRIC_CFA:
    case 34892: /* LinearRaw */
        *what = "a camera's raw data";
        return false;
    default:
        *what = "an unsupported color space";
        return false;
    }
    return s->format == SAMPLEFORMAT_UINT && (s->bits == 8 || s->bits == 16);
}

/* Samples besides the color's: alpha, which is dropped, or others, which are ignored. */
static bool choose_used(struct tiff_samples *s, const struct tags *t)
{
    uint16_t colors = s->color == TIFF_CMYK ? 4 : s->color == TIFF_RGB ? 3 : 1;
    s->used = colors;
    if (s->count < colors || s->count > TIFF_MAX_SAMPLES)
        return false;
    if (s->count == colors)
        return true;
    if (s->color == TIFF_RGB) {
        s->multiplied = t->extras > 0 && t->first_extra == EXTRASAMPLE_ASSOCALPHA;
        s->used = s->multiplied ? 4 : 3;
        return s->bits == 8 || s->count == 4;
    }
    if (s->color == TIFF_CMYK)
        return s->bits == 8;
    return s->bits == 8 && s->count == 2 && !s->inverted && t->first_extra != EXTRASAMPLE_ASSOCALPHA;
}

bool tiff_samples_read(TIFF *tiff, struct tiff_samples *samples, const char **what)
{
    *samples = (struct tiff_samples){0};
    struct tags tags = read_tags(tiff, samples);
    *what = "an unsupported compression";
    if (!is_read(tags.compression) || !choose_color(tiff, samples, &tags, what))
        return false;
    *what = "an unsupported number or kind of samples";
    return choose_used(samples, &tags);
}

/* ---- pixels ---------------------------------------------------------------------------------------------------------- */

static uint8_t clip(int64_t value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static uint8_t clip_float(float value)
{
    return (uint8_t)(value >= 255 ? 255 : value > 0 ? value : 0);
}

static unsigned packed(const uint8_t *row, size_t i, unsigned bits)
{
    size_t at = i * bits;
    return row[at / 8] >> (8 - bits - at % 8) & ((1U << bits) - 1);
}

static unsigned packed_12(const uint8_t *row, size_t i)
{
    const uint8_t *pair = row + i / 2 * 3;
    return i % 2 ? (pair[1] & 15U) << 8 | pair[2] : (unsigned)pair[0] << 4 | pair[1] >> 4;
}

/* Two bytes per sample: gray is clipped, as Pillow converts its mode I;16; of colors the upper byte is taken. */
static uint8_t reduce_16(const struct tiff_samples *s, const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    if (s->color != TIFF_GRAY)
        return (uint8_t)(value >> 8);
    return clip(s->format == SAMPLEFORMAT_INT ? (int16_t)value : value);
}

/* Four bytes per sample, which Pillow treats as signed. */
static uint8_t reduce_32(const struct tiff_samples *s, const uint8_t *at)
{
    int32_t value;
    float real;
    memcpy(&value, at, sizeof value);
    memcpy(&real, at, sizeof real);
    return s->format == SAMPLEFORMAT_IEEEFP ? clip_float(real) : clip(value);
}

static uint8_t reduce(const struct tiff_samples *s, const uint8_t *row, size_t i)
{
    unsigned value;
    switch (s->bits) {
    case 8:
        value = row[i];
        break;
    case 12:
        return clip(packed_12(row, i));
    case 16:
        return reduce_16(s, row + 2 * i);
    case 32:
        return reduce_32(s, row + 4 * i);
    default:
        value = packed(row, i, s->bits);
        if (s->color == TIFF_GRAY)
            value *= 255 / ((1U << s->bits) - 1);
    }
    return (uint8_t)(s->inverted ? 255 - value : value);
}

void tiff_samples_reduce(const struct tiff_samples *samples, const uint8_t *row, uint32_t width, uint16_t each, uint16_t first,
                         uint8_t *out)
{
    uint16_t used = samples->used;
    for (size_t x = 0; x < width; x++)
        for (uint16_t c = 0; c < each && first + c < used; c++)
            out[x * used + first + c] = reduce(samples, row, x * each + c);
}

/* Divides premultiplied colors by alpha, in Pillow's arithmetic. */
static void divide_by_alpha(const uint8_t rgba[4], uint8_t rgb[3])
{
    for (int c = 0; c < 3; c++)
        rgb[c] = rgba[3] ? clip(rgba[c] * 255 / rgba[3]) : 0;
}

void tiff_samples_to_rgb(const struct tiff_samples *samples, const uint8_t *reduced, uint32_t width, uint8_t *rgb)
{
    for (uint32_t x = 0; x < width; x++, reduced += samples->used, rgb += 3) {
        if (samples->color == TIFF_GRAY)
            memset(rgb, *reduced, 3);
        else if (samples->color == TIFF_PALETTE)
            memcpy(rgb, samples->palette.rgb[*reduced], 3);
        else if (samples->color == TIFF_CMYK)
            color_from_cmyk(reduced, rgb);
        else if (samples->multiplied)
            divide_by_alpha(reduced, rgb);
        else
            memcpy(rgb, reduced, 3);
    }
}
