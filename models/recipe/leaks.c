/*
 * Whether what is tested on was trained on: leaks TRAINED... -- TESTED...
 *
 * Both are folders, searched to the bottom; every image that the library reads counts, whatever its name. A picture that is
 * tested on was trained on where one of these is found among the others:
 *
 * - One that looks the same. The signs of the 255 lowest cosines of a picture as 32 x 32 grays are its hash, much as in
 *   Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010, and at most ALIKE of them differ. Of
 *   800 scenes JPEG of quality 30 changed 12 at most, of quality 10 29, another size 11, a hundredth cut off at every side 34,
 *   a fiftieth 28 in the median. Of two thousand million pairs of different scenes none was nearer than 51.
 *
 * - One with the same contents, where scenes.json in a folder above both tells them: the same things in the same places before
 *   the same background, in whatever manner they are painted.
 *
 * Printed are the pairs, and how many there are. Exit status: 0 none is in both, 1 some are, 2 not all could be compared.
 */
#include "lab/dataset/inputs.h"
#include "error.h"
#include "format/hash.h"
#include "image/image.h"
#include "image/preprocess.h"
#include "lab/dataset/names.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SIDE     32 /* of the small picture */
#define COSINES  16 /* along each axis */
#define WORDS    (COSINES * COSINES / 64)
#define ALIKE    40
#define NEAR     0.03F /* how far the edges of a box may be apart, in pictures: three pixels of the smallest */
#define THINGS   16
#define TRUTH    "scenes.json"
#define FARTHEST (64 * WORDS)

/* What every picture is compared by with every other. */
struct look {
    bool readable;
    uint64_t signs[WORDS];
    uint64_t names; /* a hash of those of the background and the things; 0: they are not known */
};

struct contents {
    uint64_t names;
    int count;
    float edges[THINGS][4]; /* of the things' boxes, in pictures: left, top, right, bottom */
};

struct pictures {
    struct names paths;
    struct look *looks;
    struct contents **contents; /* NULL: not known */
    int64_t readable, told;     /* how many are; of how many the contents are known */
};

static void *allocate(int64_t count, size_t size)
{
    void *memory = calloc((size_t)count + 1, size);
    if (!memory) {
        fprintf(stderr, "leaks: out of memory\n");
        exit(2);
    }
    return memory;
}

/* ---- looks ---- */

static float cosines[COSINES][SIDE];

static void fill_cosines(void)
{
    for (int k = 0; k < COSINES; k++)
        for (int i = 0; i < SIDE; i++)
            cosines[k][i] = (float)cos(M_PI / SIDE * (i + 0.5) * k);
}

static void take_signs(float grays[SIDE][SIDE], uint64_t signs[WORDS])
{
    float rows[SIDE][COSINES] = {{0}};
    for (int y = 0; y < SIDE; y++)
        for (int k = 0; k < COSINES; k++)
            for (int x = 0; x < SIDE; x++)
                rows[y][k] += grays[y][x] * cosines[k][x];
    for (int i = 1; i < COSINES * COSINES; i++) { /* the first is the mean */
        float sum = 0;
        for (int y = 0; y < SIDE; y++)
            sum += rows[y][i % COSINES] * cosines[i / COSINES][y];
        signs[i / 64] |= (uint64_t)(sum > 0) << i % 64;
    }
}

static lmvr_status look_at(const char *path, struct look *look, lmvr_error *error)
{
    struct image image, small;
    float grays[SIDE][SIDE];
    TRY(image_read(path, &image, NULL, error));
    lmvr_status status = image_resize(&image, SIDE, SIDE, FILTER_BOX, &small, error);
    image_finish(&image);
    TRY(status);
    for (int i = 0; i < SIDE * SIDE; i++) {
        const uint8_t *rgb = small.rgb + (size_t)3 * i;
        grays[i / SIDE][i % SIDE] = 0.299F * rgb[0] + 0.587F * rgb[1] + 0.114F * rgb[2];
    }
    image_finish(&small);
    take_signs(grays, look->signs);
    look->readable = true;
    return LMVR_OK;
}

static int distance(const struct look *a, const struct look *b)
{
    int count = 0;
    for (int i = 0; i < WORDS; i++)
        count += __builtin_popcountll(a->signs[i] ^ b->signs[i]);
    return count;
}

/* ---- contents ---- */

static uint64_t hash_name(uint64_t hash, const char *name)
{
    return hash_bytes(hash, name, strlen(name) + 1);
}

static lmvr_status read_thing(json_t *thing, int width, int height, struct contents *contents, json_error_t *error)
{
    const char *name;
    int x, y, w, h;
    if (contents->count == THINGS ||
        json_unpack_ex(thing, error, 0, "{s:s, s:[i,i,i,i]}", "name", &name, "box", &x, &y, &w, &h))
        return LMVR_ERROR_INPUT;
    float *edges = contents->edges[contents->count++];
    edges[0] = (float)x / (float)width;
    edges[1] = (float)y / (float)height;
    edges[2] = (float)(x + w) / (float)width;
    edges[3] = (float)(y + h) / (float)height;
    contents->names = hash_name(contents->names, name);
    return LMVR_OK;
}

/* One scene of the list; *image is its path below the list's folder. */
static lmvr_status read_scene(json_t *scene, const char **image, struct contents *contents, json_error_t *error)
{
    const char *background;
    json_t *things, *thing;
    size_t i;
    int width, height;
    if (json_unpack_ex(scene, error, 0, "{s:s, s:i, s:i, s:s, s:o}", "image", image, "width", &width, "height", &height,
                       "background", &background, "objects", &things))
        return LMVR_ERROR_INPUT;
    *contents = (struct contents){.names = hash_name(HASH_START, background)};
    json_array_foreach(things, i, thing) TRY(read_thing(thing, width, height, contents, error));
    return width > 0 && height > 0 ? LMVR_OK : LMVR_ERROR_INPUT;
}

static void keep_contents(struct pictures *p, const char *folder, const char *image, const struct contents *contents)
{
    char path[PATH_MAX];
    int64_t number = snprintf(path, sizeof path, "%s%s", folder, image) < PATH_MAX ? names_find(&p->paths, path) : -1;
    if (number < 0 || p->contents[number])
        return;
    p->contents[number] = allocate(1, sizeof *contents);
    *p->contents[number] = *contents;
    p->looks[number].names = contents->names;
    p->told++;
}

/* Elements are read one at a time: a list of 60,000 scenes is long. */
static lmvr_status read_truth(struct pictures *p, const char *folder, FILE *file, lmvr_error *error)
{
    struct contents contents;
    json_error_t json_error = {.text = "no list of scenes"};
    const char *image;
    int c;
    while ((c = fgetc(file)) != ']') {
        if (c != '{' && c != EOF)
            continue;
        ungetc(c, file);
        json_t *scene = json_loadf(file, JSON_DISABLE_EOF_CHECK, &json_error);
        lmvr_status status = scene ? read_scene(scene, &image, &contents, &json_error) : LMVR_ERROR_INPUT;
        if (status == LMVR_OK)
            keep_contents(p, folder, image, &contents);
        json_decref(scene);
        if (status != LMVR_OK)
            return error_set(error, status, "%s" TRUTH ": %s", folder, json_error.text);
    }
    return LMVR_OK;
}

static lmvr_status find_truth(struct pictures *p, const char *folder, lmvr_error *error)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s" TRUTH, folder) >= PATH_MAX)
        return LMVR_OK;
    FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT)
        return LMVR_OK;
    if (!file)
        return error_set(error, LMVR_ERROR_INPUT, "%s: %s", path, strerror(errno));
    lmvr_status status = read_truth(p, folder, file, error);
    fclose(file);
    return status;
}

/* Looks once into every folder on the way up from a picture, whose path is cut short. */
static lmvr_status climb(struct pictures *p, char *path, struct names *folders, lmvr_error *error)
{
    for (size_t length = strlen(path); length > 0;) {
        int64_t number, before = folders->count;
        do
            length--;
        while (length > 0 && path[length - 1] != '/');
        path[length] = '\0';
        TRY(names_add(folders, path, &number, error));
        if (folders->count == before)
            return LMVR_OK;
        TRY(find_truth(p, path, error));
    }
    return LMVR_OK;
}

static lmvr_status find_truths(struct pictures *p, lmvr_error *error)
{
    struct names folders = {0};
    lmvr_status status = LMVR_OK;
    for (int64_t i = 0; i < p->paths.count && status == LMVR_OK; i++) {
        char *path = strdup(names_get(&p->paths, i));
        status = path ? climb(p, path, &folders, error) : error_no_memory(error, "a path");
        free(path);
    }
    names_finish(&folders);
    return status;
}

static bool same_places(const struct contents *a, const struct contents *b)
{
    if (a->count != b->count)
        return false;
    for (int i = 0; i < a->count; i++)
        for (int edge = 0; edge < 4; edge++)
            if (fabsf(a->edges[i][edge] - b->edges[i][edge]) > NEAR)
                return false;
    return true;
}

/* ---- pictures ---- */

static lmvr_status list_folder(char *folder, struct names *paths, lmvr_error *error)
{
    struct stat st;
    struct inputs inputs;
    int64_t number;
    if (stat(folder, &st) != 0)
        return error_set(error, LMVR_ERROR_INPUT, "%s: %s", folder, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return error_set(error, LMVR_ERROR_INPUT, "%s: not a folder", folder);
    TRY(inputs_collect(&folder, 1, &inputs, error));
    lmvr_status status = LMVR_OK;
    for (size_t i = 0; i < inputs.count && status == LMVR_OK; i++)
        status = names_add(paths, inputs.paths[i], &number, error);
    inputs_finish(&inputs);
    return status;
}

static lmvr_status read_pictures(char **folders, int count, struct pictures *p, lmvr_error *error)
{
    *p = (struct pictures){0};
    for (int i = 0; i < count; i++)
        TRY(list_folder(folders[i], &p->paths, error));
    p->looks = allocate(p->paths.count, sizeof *p->looks);
    p->contents = allocate(p->paths.count, sizeof(struct contents *));
    int64_t readable = 0;
#pragma omp parallel for schedule(dynamic, 64) reduction(+ : readable)
    for (int64_t i = 0; i < p->paths.count; i++) {
        lmvr_error why;
        if (look_at(names_get(&p->paths, i), &p->looks[i], &why) == LMVR_OK)
            readable++;
        else
            fprintf(stderr, "leaks: %s\n", why.message);
    }
    p->readable = readable;
    return find_truths(p, error);
}

static void pictures_finish(struct pictures *p)
{
    for (int64_t i = 0; p->contents && i < p->paths.count; i++)
        free(p->contents[i]);
    free(p->contents);
    free(p->looks);
    names_finish(&p->paths);
}

/* ---- pairs ---- */

/* Two pictures, and how they compare. */
struct pair {
    bool same_contents, same;
    int apart;
};

static struct pair compare_pair(const struct pictures *trained, int64_t a, const struct pictures *tested, int64_t b)
{
    const struct look *x = &trained->looks[a], *y = &tested->looks[b];
    struct pair pair = {.apart = x->readable && y->readable ? distance(x, y) : FARTHEST};
    pair.same_contents = x->names == y->names && x->names != 0 && same_places(trained->contents[a], tested->contents[b]);
    pair.same = pair.same_contents || pair.apart <= ALIKE;
    return pair;
}

struct match {
    bool found;
    int farther; /* the least distance of a picture that is not the same */
};

static struct match match_one(const struct pictures *trained, const struct pictures *tested, int64_t number)
{
    struct match match = {false, FARTHEST};
    for (int64_t i = 0; i < trained->paths.count; i++) {
        struct pair pair = compare_pair(trained, i, tested, number);
        match.found |= pair.same;
        if (!pair.same && pair.apart < match.farther)
            match.farther = pair.apart;
    }
    return match;
}

static void print_pairs(const struct pictures *trained, const struct pictures *tested, int64_t number)
{
    for (int64_t i = 0; i < trained->paths.count; i++) {
        struct pair pair = compare_pair(trained, i, tested, number);
        if (pair.same)
            printf("%s\t%s\t%sdistance %d\n", names_get(&trained->paths, i), names_get(&tested->paths, number),
                   pair.same_contents ? "same contents, " : "", pair.apart);
    }
}

/* Returns how many pictures are in both. */
static int64_t compare(const struct pictures *trained, const struct pictures *tested)
{
    struct match *matches = allocate(tested->paths.count, sizeof *matches);
    int64_t in_both = 0;
    int farther = FARTHEST;
#pragma omp parallel for schedule(dynamic, 16)
    for (int64_t i = 0; i < tested->paths.count; i++)
        matches[i] = match_one(trained, tested, i);
    for (int64_t i = 0; i < tested->paths.count; i++) {
        in_both += matches[i].found;
        if (matches[i].found)
            print_pairs(trained, tested, i);
        if (matches[i].farther < farther)
            farther = matches[i].farther;
    }
    free(matches);
    printf("pictures trained on: %lld, tested on: %lld, in both: %lld\n", (long long)trained->readable,
           (long long)tested->readable, (long long)in_both);
    printf(
        "with known contents: %lld and %lld; the nearest of all others are at a distance of %d, where up to %d is the same\n",
        (long long)trained->told, (long long)tested->told, farther, ALIKE);
    return in_both;
}

int main(int argc, char **argv)
{
    int dashes = 1;
    while (dashes < argc && strcmp(argv[dashes], "--") != 0)
        dashes++;
    if (dashes == 1 || dashes >= argc - 1) {
        fprintf(stderr, "leaks: call it as leaks TRAINED... -- TESTED..., with folders of pictures\n");
        return 2;
    }
    struct pictures trained, tested = {0};
    lmvr_error error;
    fill_cosines();
    lmvr_status status = read_pictures(argv + 1, dashes - 1, &trained, &error);
    if (status == LMVR_OK)
        status = read_pictures(argv + dashes + 1, argc - dashes - 1, &tested, &error);
    bool all = trained.readable == trained.paths.count && tested.readable == tested.paths.count;
    int result = 2;
    if (status != LMVR_OK)
        fprintf(stderr, "leaks: %s\n", error.message);
    else
        result = compare(&trained, &tested) > 0 ? 1 : all ? 0 : 2;
    pictures_finish(&trained);
    pictures_finish(&tested);
    return result;
}
