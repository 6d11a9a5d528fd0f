/*
 * The elastic transform: a random affine map, then a smooth random displacement of each pixel. As in the authors' code the two
 * are applied one after the other, each with linear interpolation, so both blur the image slightly.
 */
#include "lab/corrupt/corrupt_parts.h"

#include <math.h>
#include <stdlib.h>

/* Pixels for the authors' 224 x 224 images; their code computes with 244. */
static const struct {
    double strength, sigma, affine;
} parameters[] = {{244 * 2, 244 * 0.7, 244 * 0.1},
                  {244 * 2, 244 * 0.08, 244 * 0.2},
                  {244 * 0.05, 244 * 0.01, 244 * 0.02},
                  {244 * 0.07, 244 * 0.01, 244 * 0.02},
                  {244 * 0.12, 244 * 0.01, 244 * 0.02}};

/* ---- the affine map ---- */

/* x' = a x + b y + c, y' = d x + e y + f: from the output image to the input image. */
struct affine {
    double a, b, c, d, e, f;
};

static struct affine inverse(const struct affine *m)
{
    double determinant = m->a * m->e - m->b * m->d, s = fabs(determinant) > 1e-9 ? 1 / determinant : 0; /* as in OpenCV */
    struct affine out = {.a = m->e * s, .b = -m->b * s, .d = -m->d * s, .e = m->a * s};
    out.c = -out.a * m->c - out.b * m->f;
    out.f = -out.d * m->c - out.e * m->f;
    return out;
}

/* The map that takes three corners of the square around the center to where `shift` moves them. */
static struct affine random_affine(struct corrupting *work)
{
    int width = work->image->width, height = work->image->height, square = (width < height ? width : height) / 3;
    int middle_x = width / 2, middle_y = height / 2;
    double most = parameters[work->level].affine * work->scale, shift[6], x = middle_x, y = middle_y;
    for (int i = 0; i < 6; i++)
        shift[i] = random_uniform(&work->random, -most, most);
    if (square == 0)
        return (struct affine){.a = 1, .e = 1};
    /* Corners: 0 (+,+), 1 (+,-), 2 (-,-). Along x only 1 and 2 differ, along y only 0 and 1. */
    double side = 2 * square;
    struct affine m = {.a = 1 + (shift[2] - shift[4]) / side, .b = (shift[0] - shift[2]) / side};
    m.d = (shift[3] - shift[5]) / side;
    m.e = 1 + (shift[1] - shift[3]) / side;
    m.c = x + square + shift[0] - m.a * (x + square) - m.b * (y + square);
    m.f = y + square + shift[1] - m.d * (x + square) - m.e * (y + square);
    return inverse(&m);
}

/* `out` gets the mapped image, floats of 0 to 255. */
static void apply_affine(const struct image *image, const struct affine *m, float *out)
{
    int width = image->width, height = image->height;
    const uint8_t *rgb = image->rgb;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, out += 3) {
            double from_x = m->a * x + m->b * y + m->c, from_y = m->d * x + m->e * y + m->f;
            double left = floor(from_x), top = floor(from_y);
            float right_part = (float)(from_x - left), bottom_part = (float)(from_y - top);
            int x0 = border_reflect_101((int64_t)left, width), x1 = border_reflect_101((int64_t)left + 1, width);
            const uint8_t *above = rgb + (size_t)border_reflect_101((int64_t)top, height) * width * 3;
            const uint8_t *below = rgb + (size_t)border_reflect_101((int64_t)top + 1, height) * width * 3;
            for (int c = 0; c < 3; c++) {
                float a = above[3 * (size_t)x0 + c], b = above[3 * (size_t)x1 + c], p = below[3 * (size_t)x0 + c],
                      q = below[3 * (size_t)x1 + c];
                float upper = a + right_part * (b - a), lower = p + right_part * (q - p);
                out[c] = upper + bottom_part * (lower - upper);
            }
        }
}

/* ---- the displacement field ---- */

/*
 * White noise smoothed by a Gaussian truncated at 3 sigma, with mirrored borders. A field much smoother than its pixels is
 * computed on a grid of larger cells, a quarter of sigma wide, and interpolated: the mean of the noise in a cell is noise with
 * its deviation divided by the root of the cell's area. Below a sigma of 8 pixels a cell is a pixel, as in the authors' code.
 */
struct field {
    struct plane plane;             /* of cells */
    double cell_width, cell_height; /* pixels */
};

static bool field_init(struct field *f, const struct image *image, double sigma, double strength, struct random *random)
{
    int cell = sigma < 8 ? 1 : (int)(sigma / 4);
    struct plane *plane = &f->plane;
    bool ready = plane_init(plane, (image->width - 1) / cell + 1, (image->height - 1) / cell + 1);
    f->cell_width = (double)image->width / plane->width;
    f->cell_height = (double)image->height / plane->height;
    double most = strength / sqrt(f->cell_width * f->cell_height);
    for (size_t i = 0, count = plane_size(plane); ready && i < count; i++)
        plane->values[i] = (float)random_uniform(random, -most, most);
    return ready && plane_smooth(plane, sigma / f->cell_width, sigma / f->cell_height, 3, border_reflect);
}

/* Interpolates the field at a pixel linearly between the cells' centers. */
struct place {
    int first, next;
    float part;
};

static struct place place_of(int pixel, double cell, int count)
{
    double at = (pixel + 0.5) / cell - 0.5, whole = floor(at);
    return (struct place){border_reflect((int64_t)whole, count), border_reflect((int64_t)whole + 1, count),
                          (float)(at - whole)};
}

static float value_at(const struct field *f, const struct place *x, const struct place *y)
{
    const struct plane *p = &f->plane;
    const float *a = p->values + (size_t)y->first * p->width, *b = p->values + (size_t)y->next * p->width;
    float upper = a[x->first] + x->part * (a[x->next] - a[x->first]),
          lower = b[x->first] + x->part * (b[x->next] - b[x->first]);
    return upper + y->part * (lower - upper);
}

static void move_row(const struct field *dx, const struct field *dy, const float *in, const struct place *columns, int y,
                     const struct image *image)
{
    int width = image->width, height = image->height;
    struct place row = place_of(y, dx->cell_height, dx->plane.height);
    uint8_t *out = image->rgb + (size_t)y * width * 3;
    for (int x = 0; x < width; x++, out += 3) {
        float from_x = (float)x + value_at(dx, &columns[x], &row), from_y = (float)y + value_at(dy, &columns[x], &row);
        float left = floorf(from_x), top = floorf(from_y), right_part = from_x - left, bottom_part = from_y - top;
        int x0 = border_reflect((int64_t)left, width), x1 = border_reflect((int64_t)left + 1, width);
        const float *above = in + (size_t)border_reflect((int64_t)top, height) * width * 3,
                    *below = in + (size_t)border_reflect((int64_t)top + 1, height) * width * 3;
        for (int c = 0; c < 3; c++) {
            float a = above[3 * (size_t)x0 + c], b = above[3 * (size_t)x1 + c], p = below[3 * (size_t)x0 + c],
                  q = below[3 * (size_t)x1 + c];
            float upper = a + right_part * (b - a), lower = p + right_part * (q - p);
            out[c] = byte_of_unit((upper + bottom_part * (lower - upper)) / 255);
        }
    }
}

lmvr_status corrupt_elastic_transform(struct corrupting *work, lmvr_error *error)
{
    struct image *image = work->image;
    struct affine map = random_affine(work);
    struct field dx = {0}, dy = {0};
    /* Smoothing divides by sigma, so the strength is scaled twice for the displacements to be scaled once. */
    double sigma = parameters[work->level].sigma * work->scale,
           strength = parameters[work->level].strength * work->scale * work->scale;
    float *between = malloc(image_bytes(image) * sizeof *between);
    struct place *columns = malloc((size_t)image->width * sizeof *columns);
    bool ready = between && columns && field_init(&dx, image, sigma, strength, &work->random) &&
                 field_init(&dy, image, sigma, strength, &work->random);
    if (ready) {
        apply_affine(image, &map, between);
        for (int x = 0; x < image->width; x++)
            columns[x] = place_of(x, dx.cell_width, dx.plane.width);
        for (int y = 0; y < image->height; y++)
            move_row(&dx, &dy, between, columns, y, image);
    }
    free(between);
    free(columns);
    plane_finish(&dx.plane);
    plane_finish(&dy.plane);
    return ready ? LMVR_OK : error_no_memory(error, "the elastic transform");
}
