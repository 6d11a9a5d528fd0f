/* What an image takes in a model of all blocks, from the speed of its parts. */
#include "bench.h"

#include <math.h>
#include <string.h>

double bench_image_seconds(const struct bench_image *image)
{
    return image->encode + image->prompt + image->decode;
}

/* Seconds for `count` of the units in which the row tells its speed. */
static double seconds_for(const struct bench_report *r, const char *name, int batch, double count)
{
    for (int i = 0; i < r->row_count; i++)
        if (strcmp(r->rows[i].name, name) == 0 && r->rows[i].batch == batch)
            return count / r->rows[i].value;
    return 0;
}

/* All blocks' seconds from those of one number of blocks and of another. What stands around the blocks is in both. */
static double whole(const struct bench_report *r, double measured, double other, double *block)
{
    if (!r->other_blocks)
        return measured;
    int blocks = r->info.language.blocks;
    *block = fmax(0, (measured - other) / (blocks - r->other_blocks));
    return measured + (r->blocks - blocks) * *block;
}

void bench_images(struct bench_report *r, const struct bench_report *other, int64_t prompt)
{
    r->image_count = 0;
    for (int i = 0; i < r->row_count; i++) {
        int batch = r->rows[i].batch;
        if (strcmp(r->rows[i].name, "decode") != 0)
            continue;
        struct bench_image *image = &r->images[r->image_count++];
        *image = (struct bench_image){.batch = batch, .encode = seconds_for(r, "encode", batch == 1 ? 1 : r->rows[0].batch, 1)};
        image->prompt = whole(r, seconds_for(r, "prompt", 1, (double)prompt), seconds_for(other, "prompt", 1, (double)prompt),
                              &image->prompt_block);
        image->decode = whole(r, seconds_for(r, "decode", batch, BENCH_NEW_TOKENS),
                              seconds_for(other, "decode", batch, BENCH_NEW_TOKENS), &image->decode_block);
    }
}
