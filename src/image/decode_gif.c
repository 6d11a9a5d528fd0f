/* GIF by giflib: the first picture of the file, on its logical screen. */
#include "image/decode.h"

#include "image/color.h"

#include <stdlib.h>
#include <string.h>

#include <gif_lib.h>

struct gif_job {
    const struct image_file *file;
    struct image *image;
    lmvr_error *error;
    size_t at; /* offset of the next byte to read */
    GifFileType *gif;
    int transparent; /* the transparent index; -1: none */
    struct palette palette;
};

static lmvr_status broken(const struct gif_job *job, const char *what)
{
    return error_set(job->error, LMVR_ERROR_INPUT, "%s: %s", job->file->name, what);
}

static lmvr_status library_error(const struct gif_job *job, int code)
{
    if (code == D_GIF_ERR_NOT_ENOUGH_MEM)
        return error_no_memory(job->error, job->file->name);
    if (code == D_GIF_ERR_READ_FAILED || code == D_GIF_ERR_EOF_TOO_SOON || code == D_GIF_ERR_NO_SCRN_DSCR)
        return broken(job, "the image file is truncated");
    if (code == D_GIF_ERR_IMAGE_DEFECT)
        return broken(job, "the GIF data are damaged, or end too early");
    const char *what = GifErrorString(code);
    return broken(job, what ? what : "the GIF file is damaged");
}

/* A file that ends after a block of pixels is read as if the final, empty block followed, which Pillow does not look for. */
static int on_read(GifFileType *gif, GifByteType *out, int size)
{
    struct gif_job *job = gif->UserData;
    size_t left = job->file->size - job->at;
    if (left == 0 && size == 1) {
        *out = 0;
        return 1;
    }
    size_t n = (size_t)size < left ? (size_t)size : left;
    memcpy(out, job->file->bytes + job->at, n);
    job->at += n;
    return (int)n;
}

/* ---- up to the first picture ----------------------------------------------------------------------------------------- */

static bool read_extension(struct gif_job *job)
{
    int code;
    GifByteType *block; /* the first byte is the number of bytes that follow */
    if (DGifGetExtension(job->gif, &code, &block) == GIF_ERROR)
        return false;
    if (code == GRAPHICS_EXT_FUNC_CODE && block && block[0] >= 4 && block[1] & 1)
        job->transparent = block[4];
    while (block)
        if (DGifGetExtensionNext(job->gif, &block) == GIF_ERROR)
            return false;
    return true;
}

static lmvr_status find_picture(struct gif_job *job)
{
    for (;;) {
        GifRecordType type;
        if (job->at == job->file->size)
            return broken(job, "a GIF file without a picture");
        if (DGifGetRecordType(job->gif, &type) == GIF_ERROR)
            return library_error(job, job->gif->Error);
        if (type == TERMINATE_RECORD_TYPE)
            return broken(job, "a GIF file without a picture");
        bool read = type == IMAGE_DESC_RECORD_TYPE ? DGifGetImageDesc(job->gif) == GIF_OK : read_extension(job);
        if (!read)
            return library_error(job, job->gif->Error);
        if (type == IMAGE_DESC_RECORD_TYPE)
            return LMVR_OK;
    }
}

static void choose_palette(struct gif_job *job)
{
    const ColorMapObject *map = job->gif->Image.ColorMap ? job->gif->Image.ColorMap : job->gif->SColorMap;
    palette_init_gray(&job->palette);
    if (map)
        palette_read(&job->palette, (const uint8_t *)map->Colors, (size_t)map->ColorCount, sizeof *map->Colors, 0);
}

/* ---- pixels ---------------------------------------------------------------------------------------------------------- */

static uint8_t *row_of(const struct gif_job *job, int y)
{
    return job->image->rgb + (size_t)y * job->image->width * 3;
}

/* A picture may be smaller than its screen, or extend beyond it; then the screen grows. */
static lmvr_status create_screen(struct gif_job *job)
{
    const GifImageDesc *picture = &job->gif->Image;
    int right = picture->Left + picture->Width, bottom = picture->Top + picture->Height;
    if (picture->Width < 1 || picture->Height < 1)
        return broken(job, "a picture without pixels");
    int width = right > job->gif->SWidth ? right : job->gif->SWidth,
        height = bottom > job->gif->SHeight ? bottom : job->gif->SHeight;
    TRY(image_create(job->file, (uint32_t)width, (uint32_t)height, job->image, job->error));
    const uint8_t *ground = job->palette.rgb[job->transparent >= 0 ? job->transparent : 0];
    for (size_t i = 0; i < (size_t)width * height; i++)
        memcpy(job->image->rgb + 3 * i, ground, 3);
    return LMVR_OK;
}

static bool read_line(struct gif_job *job, uint8_t *indices, int y)
{
    const GifImageDesc *picture = &job->gif->Image;
    if (DGifGetLine(job->gif, indices, picture->Width) == GIF_ERROR)
        return false;
    palette_look_up(&job->palette, indices, (size_t)picture->Width, row_of(job, picture->Top + y) + 3 * (size_t)picture->Left);
    return true;
}

/* If interlaced, every eighth line comes first, then those halfway between, and so on. */
static lmvr_status read_lines(struct gif_job *job, uint8_t *indices)
{
    static const int starts[] = {0, 4, 2, 1}, steps[] = {8, 8, 4, 2};
    const GifImageDesc *picture = &job->gif->Image;
    for (int pass = 0; pass < (picture->Interlace ? 4 : 1); pass++)
        for (int y = starts[pass]; y < picture->Height; y += picture->Interlace ? steps[pass] : 1)
            if (!read_line(job, indices, y))
                return library_error(job, job->gif->Error);
    return LMVR_OK;
}

static lmvr_status read_picture(struct gif_job *job)
{
    TRY(find_picture(job));
    choose_palette(job);
    TRY(create_screen(job));
    uint8_t *indices = malloc((size_t)job->gif->Image.Width);
    if (!indices)
        return error_no_memory(job->error, job->file->name);
    lmvr_status status = read_lines(job, indices);
    free(indices);
    return status;
}

lmvr_status decode_gif(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error)
{
    (void)metadata; /* a GIF does not say which way up it is */
    struct gif_job job = {.file = file, .image = image, .error = error, .transparent = -1};
    int code = 0;
    job.gif = DGifOpen(&job, on_read, &code);
    if (!job.gif)
        return library_error(&job, code);
    lmvr_status status = read_picture(&job);
    DGifCloseFile(job.gif, &code);
    if (status != LMVR_OK)
        image_finish(image);
    return status;
}
