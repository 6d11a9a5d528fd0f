/* The text files of data sets, in a folder made at the start. The first byte chooses the set, the second which of its files the
 * other bytes become; the set's other files are valid. If the set opens, its labels must be in range and its splits in
 * order. */
#include "lab/dataset/dataset.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static char root[] = "/tmp/lmvr-lists-fuzz-XXXXXX";

static const struct target {
    const char *set, *path; /* the set's path in the root folder */
    const char *files[3];   /* to be fuzzed, relative to the root; `good` has their valid contents */
    const char *good[3];
} targets[] = {
    {"visda",
     "visda",
     {"visda/train/image_list.txt", "visda/test/image_list.txt", NULL},
     {"a.jpg 0\nb.jpg 11\n", "a.jpg 3\n", NULL}},
    {"voc2007",
     "voc",
     {"voc/ImageSets/Main/aeroplane_trainval.txt", "voc/ImageSets/Main/dog_test.txt", NULL},
     {"a 1\nb -1\n", "a 1\nb 0\n", NULL}},
    {"deepfashion",
     "fashion",
     {"fashion/labels/shape/shape_anno_all.txt", "fashion/labels/texture/fabric_ann.txt",
      "fashion/labels/texture/pattern_ann.txt"},
     {"a.jpg 0 0 0 0 0 0 0 0 0 0 0 0\n", "a.jpg 0 1 7\nb.jpg 3 3 3\n", "a.jpg 0 1 7\n"}},
    {"csv", "l.csv", {"l.csv", NULL, NULL}, {"path,label\n", NULL, NULL}},
    {"imagenet", "imagenet", {"imagenet/LOC_synset_mapping.txt", NULL, NULL}, {"a tench\n", NULL, NULL}},
};
#define TARGETS (sizeof targets / sizeof *targets)

/* Writes the file "ROOT/PATH", creating its folders. */
static void put(const char *path, const void *bytes, size_t size)
{
    char copy[256];
    snprintf(copy, sizeof copy, "%s/%s", root, path);
    for (char *slash = strchr(copy + strlen(root), '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(copy, 0777);
        *slash = '/';
    }
    int fd = open(copy, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        abort();
    close(fd);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void remove_root(void)
{
    nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void put_voc(void)
{
    static const char *const classes[] = {"aeroplane", "bicycle",     "bird",  "boat",        "bottle", "bus",      "car",
                                          "cat",       "chair",       "cow",   "diningtable", "dog",    "horse",    "motorbike",
                                          "person",    "pottedplant", "sheep", "sofa",        "train",  "tvmonitor"};
    char path[128];
    for (int i = 0; i < 20; i++)
        for (int part = 0; part < 2; part++) {
            snprintf(path, sizeof path, "voc/ImageSets/Main/%s_%s.txt", classes[i], part ? "test" : "trainval");
            put(path, "a 1\nb -1\n", 9);
        }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    static const char *const images[] = {"visda/train/a.jpg",
                                         "visda/train/b.jpg",
                                         "visda/test/a.jpg",
                                         "voc/JPEGImages/a.jpg",
                                         "voc/JPEGImages/b.jpg",
                                         "fashion/images/a.jpg",
                                         "fashion/images/b.jpg",
                                         "a.jpg",
                                         "b.jpg",
                                         "imagenet/train/a/a.jpg",
                                         "imagenet/val/a/b.jpg"};
    if (!mkdtemp(root))
        abort();
    atexit(remove_root);
    for (size_t i = 0; i < sizeof images / sizeof *images; i++)
        put(images[i], "x", 1);
    put_voc();
    for (size_t t = 0; t < TARGETS; t++)
        for (int f = 0; f < 3 && targets[t].files[f]; f++)
            put(targets[t].files[f], targets[t].good[f], strlen(targets[t].good[f]));
    return 0;
}

static void check(const struct dataset *set)
{
    if (set->train_count < 1 || set->train_count >= set->count)
        abort();
    for (int64_t i = 0; i < set->count; i++)
        if (set->parts[i] != (i < set->train_count ? DATASET_TRAIN : DATASET_TEST) || access(set->paths[i], F_OK) != 0)
            abort();
    for (int t = 0; t < set->task_count; t++) {
        const struct labels *l = &set->tasks[t].labels;
        for (int64_t i = 0; l->single && i < set->count; i++)
            if (l->single[i] < -1 || l->single[i] >= l->class_count)
                abort();
        for (int64_t i = 0; l->multi && i < set->count * l->class_count; i++)
            if (l->multi[i] < -1 || l->multi[i] > 1)
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[128];
    struct dataset set;
    lmvr_error error;
    if (size < 2)
        return 0;
    const struct target *target = &targets[bytes[0] % TARGETS];
    int file = bytes[1] % 3;
    while (!target->files[file])
        file--;
    put(target->files[file], bytes + 2, size - 2);
    snprintf(path, sizeof path, "%s/%s", root, target->path);
    if (dataset_open(target->set, path, NULL, &set, &error) == LMVR_OK)
        check(&set);
    else if (set.paths)
        abort();
    dataset_finish(&set);
    put(target->files[file], target->good[file], strlen(target->good[file]));
    return 0;
}
