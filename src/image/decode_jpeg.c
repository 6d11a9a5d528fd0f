/*
 * JPEG by libjpeg-turbo with its defaults (accurate integer DCT, smooth chroma upsampling), as in Pillow. The data source
 * suspends at the end of the bytes instead of inserting an end marker, so a truncated file is one that is not fully decoded
 * when the bytes end.
 */
#include "image/decode.h"

#include "image/color.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

/* Progressive pictures have about ten scans; thousands of empty ones over a large picture would take hours. */
#define MAX_SCANS 500

struct jpeg_job {
    struct jpeg_decompress_struct cinfo;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    const struct image_file *file;
    struct image *image;
    lmvr_error *error;
    lmvr_status status;
    size_t unused; /* bytes of image data that libjpeg skipped */
    uint8_t *row;  /* one line as libjpeg returns it */
    jmp_buf escape;
};

static struct jpeg_job *job_of(void *cinfo)
{
    return ((j_common_ptr)cinfo)->client_data;
}

static _Noreturn void fail(struct jpeg_job *job, const char *what)
{
    job->status = error_set(job->error, LMVR_ERROR_INPUT, "%s: %s", job->file->name, what);
    longjmp(job->escape, 1);
}

/* ---- libjpeg's callbacks --------------------------------------------------------------------------------------------- */

static void on_error(j_common_ptr cinfo)
{
    struct jpeg_job *job = job_of(cinfo);
    char message[JMSG_LENGTH_MAX];
    if (cinfo->err->msg_code == JERR_OUT_OF_MEMORY) {
        job->status = error_no_memory(job->error, job->file->name);
        longjmp(job->escape, 1);
    }
    cinfo->err->format_message(cinfo, message);
    fail(job, message);
}

/* Damaged data is tolerated, as in Pillow, unless whole rows of blocks are missing or left over: then header and data do not
 * match. */
static void on_message(j_common_ptr common, int level)
{
    if (level >= 0)
        return;
    struct jpeg_job *job = job_of(common);
    struct jpeg_decompress_struct *cinfo = &job->cinfo;
    int marker = cinfo->unread_marker;
    bool restart = marker >= JPEG_RST0 && marker <= JPEG_RST0 + 7;
    if (common->err->msg_code == JWRN_HIT_MARKER && !restart && cinfo->input_iMCU_row + 1 < cinfo->total_iMCU_rows)
        fail(job, "the data end before the picture is complete by its header");
    if (common->err->msg_code == JWRN_EXTRANEOUS_DATA)
        job->unused += (size_t)common->err->msg_parm.i[0];
}

static void on_output(j_common_ptr cinfo)
{
    (void)cinfo; /* nothing is ever printed */
}

static void on_progress(j_common_ptr cinfo)
{
    struct jpeg_job *job = job_of(cinfo);
    if (job->cinfo.input_scan_number > MAX_SCANS)
        fail(job, "the picture has more scans than the limit of 500");
}

static void on_source_event(j_decompress_ptr cinfo)
{
    (void)cinfo; /* all bytes are in memory all the time */
}

static boolean on_empty_source(j_decompress_ptr cinfo)
{
    (void)cinfo;
    return FALSE; /* suspend */
}

static void on_skip(j_decompress_ptr cinfo, long count)
{
    if (count <= 0)
        return;
    struct jpeg_source_mgr *source = cinfo->src;
    size_t skipped = (size_t)count;
    if (skipped > source->bytes_in_buffer)
        skipped = source->bytes_in_buffer; /* and the next read suspends */
    source->next_input_byte += skipped;
    source->bytes_in_buffer -= skipped;
}

static void set_up(struct jpeg_job *job)
{
    struct jpeg_decompress_struct *cinfo = &job->cinfo;
    cinfo->err = jpeg_std_error(&job->errors);
    cinfo->client_data = job;
    job->errors.error_exit = on_error;
    job->errors.emit_message = on_message;
    job->errors.output_message = on_output;
    jpeg_create_decompress(cinfo);
    job->source = (struct jpeg_source_mgr){
        .next_input_byte = job->file->bytes,
        .bytes_in_buffer = job->file->size,
        .init_source = on_source_event,
        .fill_input_buffer = on_empty_source,
        .skip_input_data = on_skip,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = on_source_event,
    };
    cinfo->src = &job->source;
    job->progress.progress_monitor = on_progress;
    cinfo->progress = &job->progress;
}

/* ---- pixels ---------------------------------------------------------------------------------------------------------- */

static void gray_to_rgb(const uint8_t *in, int width, uint8_t *rgb)
{
    for (int x = 0; x < width; x++)
        rgb[3 * x] = rgb[3 * x + 1] = rgb[3 * x + 2] = in[x];
}

/* `in` holds inverted CMYK, as Adobe's programs write it; Pillow assumes this of every CMYK file. */
static void cmyk_to_rgb(const uint8_t *in, int width, uint8_t *rgb)
{
    for (int x = 0; x < width; x++, in += 4, rgb += 3) {
        const uint8_t cmyk[4] = {255 - in[0], 255 - in[1], 255 - in[2], 255 - in[3]};
        color_from_cmyk(cmyk, rgb);
    }
}

static void read_line(struct jpeg_job *job, uint8_t *rgb)
{
    int components = job->cinfo.out_color_components;
    JSAMPROW line = components == 3 ? rgb : job->row;
    if (jpeg_read_scanlines(&job->cinfo, &line, 1) != 1)
        fail(job, "the image file is truncated");
    if (components == 1)
        gray_to_rgb(line, job->image->width, rgb);
    else if (components == 4)
        cmyk_to_rgb(line, job->image->width, rgb);
}

static size_t position(const struct jpeg_job *job)
{
    return job->file->size - job->source.bytes_in_buffer;
}

/* Reads up to the first scan and chooses the output color space. */
static void read_header(struct jpeg_job *job)
{
    struct jpeg_decompress_struct *cinfo = &job->cinfo;
    int found;
    do
        found = jpeg_read_header(cinfo, FALSE);
    while (found == JPEG_HEADER_TABLES_ONLY);
    if (found == JPEG_SUSPENDED)
        fail(job, "the image file is truncated");
    switch (cinfo->num_components) {
    case 1:
        cinfo->out_color_space = JCS_GRAYSCALE;
        break;
    case 3:
        cinfo->out_color_space = JCS_RGB;
        break;
    case 4:
        cinfo->out_color_space = JCS_CMYK;
        break;
    default:
        fail(job, "neither gray, color nor CMYK");
    }
}

static void decode(struct jpeg_job *job)
{
    struct jpeg_decompress_struct *cinfo = &job->cinfo;
    set_up(job);
    read_header(job);
    size_t header = position(job);
    job->status = image_create(job->file, cinfo->image_width, cinfo->image_height, job->image, job->error);
    if (job->status != LMVR_OK)
        return;
    job->row = malloc((size_t)cinfo->image_width * 4);
    if (!job->row) {
        job->status = error_no_memory(job->error, job->file->name);
        return;
    }
    if (!jpeg_start_decompress(cinfo))
        fail(job, "the image file is truncated");
    for (int y = 0; y < job->image->height; y++)
        read_line(job, job->image->rgb + (size_t)y * job->image->width * 3);
    jpeg_finish_decompress(cinfo); /* may suspend: a missing end marker does not matter */
    /* A few stray bytes are common; a quarter of the data means more picture than the header states. */
    if (job->unused > 64 + (position(job) - header) / 4)
        fail(job, "more image data than the header announces");
}

/* ---- metadata with the orientation ----------------------------------------------------------------------------------- */

/* Appends an EXIF segment to those before it: a block may span several. */
static bool add_exif(struct image_metadata *metadata, const uint8_t *bytes, size_t size)
{
    size_t skip = metadata->owned ? 6 : 0; /* later ones without their "Exif\0\0" */
    uint8_t *grown = realloc(metadata->owned, metadata->exif_size + size - skip);
    if (!grown)
        return false;
    memcpy(grown + metadata->exif_size, bytes + skip, size - skip);
    metadata->exif = metadata->owned = grown;
    metadata->exif_size += size - skip;
    return true;
}

static bool read_app1(const uint8_t *bytes, size_t size, struct image_metadata *metadata)
{
    static const char xmp[] = "http://ns.adobe.com/xap/1.0/"; /* including its final 0 */
    if (size >= 6 && memcmp(bytes, "Exif\0\0", 6) == 0)
        return add_exif(metadata, bytes, size);
    if (size >= sizeof xmp && memcmp(bytes, xmp, sizeof xmp) == 0) {
        metadata->xmp = bytes + sizeof xmp;
        metadata->xmp_size = size - sizeof xmp;
    }
    return true;
}

/* Walks the segments up to the first scan (ITU T.81, annex B). Errors in them are left to libjpeg. */
static lmvr_status read_metadata(const struct image_file *file, struct image_metadata *metadata, lmvr_error *error)
{
    const uint8_t *p = file->bytes + 2, *end = file->bytes + file->size;
    while (end - p >= 2) {
        if (p[0] != 0xff || p[1] == 0 || p[1] == 0xff) {
            p += p[0] == 0xff && p[1] == 0 ? 2 : 1; /* stray bytes and padding */
            continue;
        }
        int marker = p[1];
        p += 2;
        if (marker == 0xda)
            break;
        if (marker >= JPEG_RST0 && marker <= 0xd9)
            continue; /* no content */
        if (end - p < 2)
            break;
        size_t size = (size_t)(p[0] << 8 | p[1]);
        if (size < 2 || size > (size_t)(end - p))
            break;
        if (marker == 0xe1 && !read_app1(p + 2, size - 2, metadata))
            return error_no_memory(error, file->name);
        p += size;
    }
    return LMVR_OK;
}

lmvr_status decode_jpeg(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error)
{
    TRY(read_metadata(file, metadata, error));
    struct jpeg_job *job = calloc(1, sizeof *job);
    if (!job)
        return error_no_memory(error, file->name);
    job->file = file;
    job->image = image;
    job->error = error;
    if (setjmp(job->escape) == 0)
        decode(job);
    lmvr_status status = job->status;
    jpeg_destroy_decompress(&job->cinfo);
    free(job->row);
    free(job);
    if (status != LMVR_OK)
        image_finish(image);
    return status;
}
