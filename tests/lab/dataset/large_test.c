/* A COCO of real size and a tenth of ImageNet, with time and memory limits. They take half a minute and 1 GB in /tmp to create,
 * so they are skipped unless LMVR_LARGE_TESTS is set, as in .ci/run. */
#include "layout.h"

#include <sys/resource.h>
#include <time.h>

#define MIB              (1 << 20)
#define IMAGENET_CLASSES 100

static void skip_unless_asked(void)
{
    if (!getenv("LMVR_LARGE_TESTS"))
        skip();
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static long peak_mib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
}

/* Like instances_train2014.json: as many images and objects, with polygons that bring it to the same size. */
static void put_annotations(const char *part, int images, int objects)
{
    char path[128];
    snprintf(path, sizeof path, "annotations/instances_%s2014.json", part);
    make_folders(path);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs("{\"info\": {\"year\": 2014}, \"images\": [", file);
    for (int i = 0; i < images; i++)
        fprintf(file,
                "%s{\"license\": 5, \"file_name\": \"COCO_%s2014_%012d.jpg\", \"coco_url\": \"http://images.cocodataset.org/"
                "%s2014/COCO_%s2014_%012d.jpg\", \"height\": 480, \"width\": 640, \"id\": %d}",
                i ? ", " : "", part, i * 7, part, part, i * 7, i * 7);
    fputs("], \"annotations\": [", file);
    for (int i = 0; i < objects; i++) {
        fprintf(file, "%s{\"segmentation\": [[", i ? ", " : "");
        for (int j = 0; j < 80; j++)
            fprintf(file, "%s%d.%02d", j ? ", " : "", (i + j * 7919) % 640, j);
        fprintf(file,
                "]], \"area\": 54652.9, \"iscrowd\": 0, \"image_id\": %d, \"bbox\": [1.5, 2.5, 3.5, 4.5], "
                "\"category_id\": %d, \"id\": %d}",
                i % images * 7, i % 80 + 1, i);
    }
    fputs("], \"categories\": [", file);
    for (int i = 0; i < 80; i++)
        fprintf(file, "%s{\"supercategory\": \"x\", \"id\": %d, \"name\": \"class %d\"}", i ? ", " : "", i + 1, i);
    fputs("]}", file);
    assert_int_equal(fclose(file), 0);
    printf("%s: %ld MiB\n", path, size_of_file(path) / MIB);
}

static void test_coco_opens_in_seconds_and_a_quarter_of_its_memory(void **state)
{
    (void)state;
    char path[128];
    skip_unless_asked();
    put_annotations("train", 82783, 604907);
    put_annotations("val", 40504, 291875);
    make_folders("train2014/x");
    make_folders("val2014/x");
    for (int i = 0; i < 82783; i++) {
        snprintf(path, sizeof path, "train2014/COCO_train2014_%012d.jpg", i * 7);
        write_text(path, "");
        snprintf(path, sizeof path, "val2014/COCO_val2014_%012d.jpg", i * 7);
        if (i < 40504)
            write_text(path, "");
    }
    double begin = now();
    struct dataset set = open_set("coco", ".");
    printf("coco: %lld images in %.2f s, peak %ld MiB\n", (long long)set.count, now() - begin, peak_mib());
    assert_int_equal(set.count, 82783 + 40504);
    assert_int_equal(set.left_out, 0);
    assert_true(now() - begin < 60 && peak_mib() < 256);
    dataset_finish(&set);
}

static void test_a_tenth_of_imagenet_opens_in_seconds_and_100_mib(void **state)
{
    (void)state;
    char path[128];
    skip_unless_asked();
    for (int c = 0; c < IMAGENET_CLASSES; c++) {
        snprintf(path, sizeof path, "train/n%08d/x", c);
        make_folders(path);
        for (int i = 0; i < 1281; i++) {
            snprintf(path, sizeof path, "train/n%08d/n%08d_%d.JPEG", c, c, i);
            write_text(path, "");
        }
        for (int i = 0; i < 50; i++) {
            snprintf(path, sizeof path, "val/n%08d/ILSVRC2012_val_%08d.JPEG", c, i * 1000 + c);
            if (i == 0)
                make_folders(path);
            write_text(path, "");
        }
    }
    double begin = now();
    struct dataset set = open_set("imagenet", ".");
    printf("imagenet: %lld images in %.2f s, peak %ld MiB\n", (long long)set.count, now() - begin, peak_mib());
    assert_int_equal(set.count, IMAGENET_CLASSES * (1281 + 50));
    assert_true(now() - begin < 30 && peak_mib() < 100);
    dataset_finish(&set);
    begin = now();
    struct dataset_options options = {.limit = 5000};
    set = open_with("imagenet", ".", &options);
    printf("imagenet, of which 5,000 of each part: %.2f s, peak %ld MiB\n", now() - begin, peak_mib());
    assert_int_equal(set.count, 10000);
    dataset_finish(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_coco_opens_in_seconds_and_a_quarter_of_its_memory),
        IN_SCRATCH(test_a_tenth_of_imagenet_opens_in_seconds_and_100_mib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
