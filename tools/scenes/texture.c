#include "tools/scenes/texture.h"

#include "tools/scenes/scenes_random.h"

#include <math.h>

float fraction(float x)
{
    return x - floorf(x);
}

float smooth_step(float low, float high, float x)
{
    float t = (x - low) / (high - low);
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return t * t * (3 - 2 * t);
}

float noise_cell(uint32_t seed, int x, int y, int which)
{
    return (float)(random_lattice(seed + 0x9e3779b9u * (uint32_t)which, x, y) >> 8) * 0x1p-24F;
}

float noise(uint32_t seed, float x, float y)
{
    float fx = floorf(x), fy = floorf(y), tx = x - fx, ty = y - fy;
    int ix = (int)fx, iy = (int)fy;
    tx = tx * tx * (3 - 2 * tx);
    ty = ty * ty * (3 - 2 * ty);
    float above = noise_cell(seed, ix, iy, 0), below = noise_cell(seed, ix, iy + 1, 0);
    above += tx * (noise_cell(seed, ix + 1, iy, 0) - above);
    below += tx * (noise_cell(seed, ix + 1, iy + 1, 0) - below);
    return above + ty * (below - above);
}

float noise_octaves(uint32_t seed, float x, float y, int octaves)
{
    float sum = 0, strength = 1, all = 0;
    for (int i = 0; i < octaves; i++) {
        sum += strength * noise(seed + (uint32_t)i, x, y);
        all += strength;
        strength /= 2;
        x *= 2;
        y *= 2;
    }
    return sum / all;
}

struct dot noise_dot(uint32_t seed, float x, float y, float least, float most)
{
    struct dot nearest = {INFINITY, 0};
    int cell_x = (int)floorf(x), cell_y = (int)floorf(y);
    for (int i = 0; i < 9; i++) {
        int cx = cell_x + i % 3 - 1, cy = cell_y + i / 3 - 1;
        uint32_t hash = random_lattice(seed, cx, cy); /* a byte for each of four numbers */
        float dx = x - (float)cx - (float)(hash & 255) / 256, dy = y - (float)cy - (float)(hash >> 8 & 255) / 256;
        float radius = least + (most - least) * (float)(hash >> 16 & 255) / 255;
        float square = (dx * dx + dy * dy) / (radius * radius);
        if (square < nearest.distance)
            nearest = (struct dot){square, (float)(hash >> 24) / 255};
    }
    nearest.distance = sqrtf(nearest.distance);
    return nearest;
}
