/* Canny edges and the distances to them, as OpenCV computes both. */
#include "lab/corrupt/corrupt_parts.h"

#include <math.h>
#include <stdlib.h>

/* ---- Sobel's gradients, borders repeated ---- */

struct gradient {
    int x, y;
};

static struct gradient gradient_at(const uint8_t *bytes, int width, int height, int x, int y)
{
    const uint8_t *row = bytes + (size_t)y * width, *above = y > 0 ? row - width : row,
                  *below = y + 1 < height ? row + width : row;
    int left = x > 0 ? x - 1 : 0, right = x + 1 < width ? x + 1 : x;
    return (struct gradient){
        .x = above[right] + 2 * row[right] + below[right] - above[left] - 2 * row[left] - below[left],
        .y = below[left] + 2 * below[x] + below[right] - above[left] - 2 * above[x] - above[right],
    };
}

/* ---- edges ---- */

enum { NOTHING, CANDIDATE, EDGE };

/* All planes have a border of one, which stays 0. */
struct canny {
    int width, height;
    ptrdiff_t stride;
    int *sizes;    /* of the gradients, in the 1-norm */
    uint8_t *kind; /* NOTHING, CANDIDATE or EDGE */
    size_t *stack; /* edges whose neighbors have not been visited */
};

/* Whether a gradient is the largest across the edge: along the row, the column or a diagonal, whichever is closest to its
 * direction. */
static bool is_peak(const int *size, ptrdiff_t stride, struct gradient g)
{
    const int tangent = 13573; /* of 22.5 degrees, times 2^15 */
    int64_t x = abs(g.x), y = (int64_t)abs(g.y) << 15, flat = x * tangent, steep = flat + (x << 16);
    if (y < flat)
        return *size > size[-1] && *size >= size[1];
    if (y > steep)
        return *size > size[-stride] && *size >= size[stride];
    ptrdiff_t along = (g.x < 0) != (g.y < 0) ? -1 : 1;
    return *size > size[-stride - along] && *size > size[stride + along];
}

/* Candidates next to an edge become edges. */
static void grow_edges(struct canny *c, size_t count)
{
    while (count > 0) {
        size_t at = c->stack[--count];
        for (int dy = -1; dy <= 1; dy++)
            for (int dx = -1; dx <= 1; dx++) {
                size_t beside = (size_t)((ptrdiff_t)at + dy * c->stride + dx);
                if (c->kind[beside] != CANDIDATE)
                    continue;
                c->kind[beside] = EDGE;
                c->stack[count++] = beside;
            }
    }
}

static void find_edges(struct canny *c, const uint8_t *bytes, int low, int high)
{
    size_t count = 0;
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++) {
            struct gradient g = gradient_at(bytes, c->width, c->height, x, y);
            c->sizes[(y + 1) * c->stride + x + 1] = abs(g.x) + abs(g.y);
        }
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++) {
            size_t at = (size_t)((y + 1) * c->stride + x + 1);
            int size = c->sizes[at];
            if (size <= low || !is_peak(c->sizes + at, c->stride, gradient_at(bytes, c->width, c->height, x, y)))
                continue;
            c->kind[at] = size > high ? EDGE : CANDIDATE;
            if (size > high)
                c->stack[count++] = at;
        }
    grow_edges(c, count);
}

/* ---- distances ---- */

/* In 2^-16 pixels, as in OpenCV; its rounding shows when a mean of distances is truncated to an integer. */
#define ONE      65536
#define DIAGONAL 91750  /* 1.4 */
#define KNIGHT   143976 /* 2.1969 */
#define FAR      (1 << 30)

/* One sweep over the plane, which has a border of two: each distance becomes at most that of a neighbor already swept, plus the
 * step from there. `sign` is 1 forwards and -1 backwards. */
static void sweep(int *distances, int width, int height, ptrdiff_t stride, int sign)
{
    static const struct {
        int dx, dy, step;
    } mask[] = {{-1, 0, ONE},     {0, -1, ONE},    {-1, -1, DIAGONAL}, {1, -1, DIAGONAL},
                {-1, -2, KNIGHT}, {1, -2, KNIGHT}, {-2, -1, KNIGHT},   {2, -1, KNIGHT}};
    for (int i = 0; i < height; i++)
        for (int j = 0; j < width; j++) {
            int y = sign > 0 ? i : height - 1 - i, x = sign > 0 ? j : width - 1 - j;
            int *here = distances + (y + 2) * stride + x + 2, least = *here;
            for (size_t k = 0; k < sizeof mask / sizeof *mask; k++) {
                int far = here[sign * (mask[k].dy * stride + mask[k].dx)] + mask[k].step;
                least = far < least ? far : least;
            }
            *here = least;
        }
}

static bool measure(const struct canny *c, struct plane *out)
{
    ptrdiff_t stride = c->width + 4;
    size_t count = (size_t)stride * ((size_t)c->height + 4);
    int *distances = malloc(count * sizeof *distances);
    if (!distances)
        return false;
    for (size_t i = 0; i < count; i++)
        distances[i] = FAR;
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++)
            if (c->kind[(y + 1) * c->stride + x + 1] == EDGE)
                distances[(y + 2) * stride + x + 2] = 0;
    sweep(distances, c->width, c->height, stride, 1);
    sweep(distances, c->width, c->height, stride, -1);
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++)
            out->values[(size_t)y * c->width + x] = (float)distances[(y + 2) * stride + x + 2] / ONE;
    free(distances);
    return true;
}

bool edge_distances(const uint8_t *bytes, int low, int high, struct plane *distances)
{
    int width = distances->width, height = distances->height;
    size_t count = ((size_t)width + 2) * ((size_t)height + 2);
    struct canny c = {.width = width,
                      .height = height,
                      .stride = width + 2,
                      .sizes = calloc(count, sizeof *c.sizes),
                      .kind = calloc(count, sizeof *c.kind),
                      .stack = malloc(count * sizeof *c.stack)};
    bool ready = c.sizes && c.kind && c.stack;
    if (ready) {
        find_edges(&c, bytes, low, high);
        ready = measure(&c, distances);
    }
    free(c.sizes);
    free(c.kind);
    free(c.stack);
    return ready;
}
