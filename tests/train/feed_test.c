/* Batches: their order over epochs, resuming at any of them, unusable samples, and independence from threads. */
#include "train/corpora/feed.h"

#include "image/encode.h"
#include "scratch.h"
#include "train/corpora/order.h"
#include "train/corpora/tokens.h"

#include <math.h>
#include <stdatomic.h>

#define SIZE 6 /* pixels */

/* Samples 0 to count - 1: token 100 + i, and the image "i.png" of color i, which may be missing. */
struct made {
    struct corpus corpus;
    const char *unusable; /* a letter per sample: 'x' unusable record, 'm' out of memory, 't' text only */
    atomic_int reads;
};

static lmvr_status read_made(void *self, int64_t index, struct batch_sequence *sequence, char **image, lmvr_error *error)
{
    struct made *made = self;
    char kind = made->unusable && index < (int64_t)strlen(made->unusable) ? made->unusable[index] : '.';
    made->reads++;
    if (kind == 'x')
        return error_set(error, LMVR_ERROR_INPUT, "sample %d makes no sense", (int)index);
    if (kind == 'm')
        return error_set(error, LMVR_ERROR_RESOURCE, "out of memory for sample %d", (int)index);
    *sequence = (struct batch_sequence){.count = 2, .span_count = kind == 't' ? 0 : 1};
    sequence->spans = calloc(1, sizeof *sequence->spans);
    sequence->tokens = malloc(2 * sizeof *sequence->tokens);
    sequence->learned = calloc(2, sizeof *sequence->learned);
    sequence->tokens[0] = 1;
    sequence->tokens[1] = (int32_t)(100 + index);
    sequence->learned[1] = true;
    if (kind != 't' && asprintf(image, "%d.png", (int)index) < 0)
        return LMVR_ERROR_RESOURCE;
    return LMVR_OK;
}

static void make(struct made *made, int64_t count, const char *unusable)
{
    *made = (struct made){.corpus = {.self = made, .count = count, .read = read_made}, .unusable = unusable};
}

static void write_images(int count)
{
    uint8_t rgb[3 * SIZE * SIZE];
    for (int i = 0; i < count; i++) {
        struct encoded png;
        char path[32];
        memset(rgb, i, sizeof rgb);
        snprintf(path, sizeof path, "%d.png", i);
        assert_int_equal(image_encode_png(&(struct image){SIZE, SIZE, rgb}, &png, NULL), LMVR_OK);
        write_bytes(path, png.bytes, png.size);
        encoded_finish(&png);
    }
}

static const struct preprocess as_it_is = {.do_resize = false};

static struct feed *create(const struct made *made, struct feed_options options, int64_t first)
{
    struct feed *feed;
    lmvr_error error;
    if (feed_create(&made->corpus, &options, first, &feed, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return feed;
}

static const struct batch *next(struct feed *feed)
{
    const struct batch *batch;
    lmvr_error error;
    if (feed_next(feed, &batch, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return batch;
}

/* The indices of the samples in `batches` batches, one after the other. */
static void read_samples(const struct made *made, struct feed_options options, int64_t first, int batches, int *samples)
{
    struct feed *feed = create(made, options, first);
    for (int b = 0; b < batches; b++) {
        const struct batch *batch = next(feed);
        assert_int_equal(batch->sequence_count, options.batch);
        assert_int_equal(batch->tokens, 2 * options.batch);
        for (int i = 0; i < options.batch; i++)
            *samples++ = batch->sequences[i].tokens[1] - 100;
    }
    feed_free(feed);
}

static void an_epoch_has_every_sample_once_in_an_order_of_its_own(void **state)
{
    (void)state;
    struct made made;
    int samples[4 * 35], first_epoch[35] = {0};
    make(&made, 35, NULL);
    read_samples(&made, (struct feed_options){.batch = 10, .seed = 4, .threads = 1, .ahead = 2}, 0, 14, samples);
    for (int epoch = 0; epoch < 4; epoch++) {
        bool seen[35] = {false};
        for (int i = 0; i < 35; i++) {
            assert_false(seen[samples[35 * epoch + i]]);
            seen[samples[35 * epoch + i]] = true;
        }
        if (epoch > 0)
            assert_memory_not_equal(samples + 35 * epoch, first_epoch, sizeof first_epoch);
        else
            memcpy(first_epoch, samples, sizeof first_epoch);
    }
    int other[35];
    read_samples(&made, (struct feed_options){.batch = 35, .seed = 5, .threads = 1, .ahead = 2}, 0, 1, other);
    assert_memory_not_equal(other, first_epoch, sizeof other);
    read_samples(&made, (struct feed_options){.batch = 35, .seed = 4, .threads = 1, .ahead = 2}, 0, 1, other);
    assert_memory_equal(other, first_epoch, sizeof other); /* the batch's size has no say in the order */
}

/* With 4 samples, each of the 24 orders is equally likely: 24,000 epochs, 1000 +- 5 deviations of sqrt(1000 * 23 / 24). */
static void every_order_is_as_likely(void **state)
{
    (void)state;
    struct order order;
    int seen[256] = {0}, orders = 0;
    order_init(&order, 4, 9, false);
    assert_true(order_allocate(&order));
    for (int64_t epoch = 0; epoch < 24000; epoch++) {
        int code = 0;
        for (int i = 0; i < 4; i++)
            code = 4 * code + (int)order_at(&order, 4 * epoch + i);
        seen[code]++;
    }
    for (int i = 0; i < 256; i++) {
        if (seen[i] > 0) {
            orders++;
            assert_in_range(seen[i], 845, 1155);
        }
    }
    assert_int_equal(orders, 24);
    order_finish(&order);
}

static void in_order_the_samples_come_as_they_stand(void **state)
{
    (void)state;
    struct made made;
    int samples[12];
    const int expected[12] = {0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1};
    make(&made, 5, NULL);
    read_samples(&made, (struct feed_options){.batch = 4, .in_order = true, .threads = 2, .ahead = 1}, 0, 3, samples);
    assert_memory_equal(samples, expected, sizeof expected);
}

static void a_feed_begun_at_batch_n_is_the_undisturbed_one_from_there(void **state)
{
    (void)state;
    struct made made;
    int whole[20 * 7], rest[20 * 7];
    make(&made, 23, "..x....xx..........x");
    struct feed_options options = {.batch = 7, .seed = 11, .threads = 2, .ahead = 3};
    read_samples(&made, options, 0, 20, whole);
    for (int first = 0; first < 20; first += 3) {
        read_samples(&made, options, first, 20 - first, rest);
        assert_memory_equal(rest, whole + 7 * first, (size_t)(20 - first) * 7 * sizeof *rest);
    }
}

static void the_first_usable_sample_after_the_batch_is_the_replacement(void **state)
{
    (void)state;
    struct made made;
    int samples[12];
    /* 1 and 2 are replaced by 5 and 6 (4 is unusable), 4 by 8, and 7 by the next usable, 9 */
    const int expected[12] = {0, 5, 6, 3, 8, 5, 6, 9, 8, 9, 10, 11};
    make(&made, 12, ".xx.x..x....");
    struct feed_options options = {.batch = 4, .in_order = true, .threads = 1, .ahead = 1};
    read_samples(&made, options, 0, 3, samples);
    assert_memory_equal(samples, expected, sizeof expected);

    struct feed *feed = create(&made, options, 0);
    const char *sentence;
    assert_int_equal(feed_skipped(feed, &sentence), 0);
    assert_null(sentence);
    next(feed);
    assert_int_equal(feed_skipped(feed, &sentence), 2);
    assert_string_equal(sentence, "sample 1 makes no sense");
    next(feed);
    next(feed);
    assert_int_equal(feed_skipped(feed, &sentence), 4);
    next(feed); /* the second epoch's skipped ones count again */
    assert_int_equal(feed_skipped(feed, &sentence), 6);
    feed_free(feed);
}

static void at_the_end_of_an_epoch_the_next_one_stands_in(void **state)
{
    (void)state;
    struct made made;
    int samples[6];
    const int expected[6] = {0, 1, 2, 2, 0, 1}; /* 3 is replaced by position 6, after its batch: the next epoch's 2 */
    make(&made, 4, "...x");
    read_samples(&made, (struct feed_options){.batch = 3, .in_order = true, .threads = 1, .ahead = 1}, 0, 2, samples);
    assert_memory_equal(samples, expected, sizeof expected);
}

static void nothing_usable_is_an_error_that_stays(void **state)
{
    (void)state;
    struct made made;
    lmvr_error error;
    const struct batch *batch;
    make(&made, 3, "xxx");
    struct feed *feed = create(&made, (struct feed_options){.batch = 2, .threads = 3, .ahead = 2, .in_order = true}, 0);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(feed_next(feed, &batch, &error), LMVR_ERROR_INPUT);
        assert_null(batch);
        assert_string_equal(error.message, "none of 3 samples tried can be used: sample 0 makes no sense");
    }
    feed_free(feed);
    make(&made, 3, "..m");
    feed = create(&made, (struct feed_options){.batch = 2, .threads = 1, .ahead = 1, .in_order = true}, 0);
    next(feed);
    assert_int_equal(feed_next(feed, &batch, &error), LMVR_ERROR_RESOURCE);
    assert_string_equal(error.message, "out of memory for sample 2");
    feed_free(feed);
}

static void images_come_preprocessed_with_their_sequences(void **state)
{
    (void)state;
    struct made made;
    const int floats = 3 * SIZE * SIZE;
    make(&made, 6, "..t..t");
    write_images(6);
    unlink("3.png");
    struct preprocess preprocess = {.do_rescale = true, .rescale_factor = 0.5};
    struct feed_options options = {
        .batch = 4, .in_order = true, .preprocess = &preprocess, .image_size = SIZE, .threads = 1, .ahead = 1};
    struct feed *feed = create(&made, options, 0);
    memset(&preprocess, 0, sizeof preprocess); /* the feed has its own copy */
    const struct batch *batch = next(feed);    /* 0, 1, text, and 4 for 3 */
    assert_int_equal(batch->image_count, 3);
    const int images[4] = {0, 1, -1, 2}, colors[3] = {0, 1, 4};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(batch->sequences[i].image, images[i]);
        assert_int_equal(batch->sequences[i].span_count, images[i] >= 0);
    }
    for (int i = 0; i < 3 * floats; i++)
        assert_true(batch->pixels[i] == 0.5F * (float)colors[i / floats]);
    const char *sentence;
    assert_int_equal(feed_skipped(feed, &sentence), 1);
    assert_non_null(strstr(sentence, "3.png: "));
    feed_free(feed);

    options.preprocess = NULL; /* without images, samples are used without theirs, including 3 */
    feed = create(&made, options, 0);
    batch = next(feed);
    assert_int_equal(batch->image_count, 0);
    assert_null(batch->pixels);
    assert_int_equal(batch->sequences[3].tokens[1], 103);
    assert_int_equal(batch->sequences[3].image, -1);
    assert_int_equal(batch->sequences[3].span_count, 0);
    feed_free(feed);
}

/* Tokens that tell the picture's size; text alone has one token. */
static lmvr_status place_made(void *self, int64_t index, const struct picture *picture, struct batch_sequence *sequence,
                              lmvr_error *error)
{
    (void)self;
    (void)index;
    TRY(tokens_add_one(sequence, picture ? picture->views[0].width : 1, true, error));
    return picture ? tokens_add_one(sequence, picture->views[0].height, true, error) : LMVR_OK;
}

static lmvr_status read_path(void *self, int64_t index, struct batch_sequence *sequence, char **image, lmvr_error *error)
{
    (void)self;
    (void)error;
    *sequence = (struct batch_sequence){.image = -1};
    return index == 2 || asprintf(image, "%d.png", (int)index) >= 0 ? LMVR_OK : LMVR_ERROR_RESOURCE;
}

static void pictures_keep_their_sizes(void **state)
{
    (void)state;
    const int widths[4] = {8, 24, 0, 16}, heights[4] = {16, 8, 0, 16};
    for (int i = 0; i < 4; i++) {
        uint8_t rgb[3 * 24 * 16];
        struct encoded png;
        char path[32];
        memset(rgb, i, sizeof rgb);
        snprintf(path, sizeof path, "%d.png", i);
        if (i == 2)
            continue; /* text alone */
        assert_int_equal(image_encode_png(&(struct image){widths[i], heights[i], rgb}, &png, NULL), LMVR_OK);
        write_bytes(path, png.bytes, png.size);
        encoded_finish(&png);
    }
    struct made made = {.corpus = {.self = &made, .count = 4, .read = read_path, .place = place_made}};
    struct preprocess preprocess = {.way = VIEWS_ANY_SIZE,
                                    .do_resize = true,
                                    .filter = FILTER_BICUBIC,
                                    .patch = 4,
                                    .merge = 2,
                                    .temporal_patch = 2,
                                    .min_pixels = 64,
                                    .max_pixels = 4096};
    struct feed_options options = {.batch = 4, .in_order = true, .preprocess = &preprocess, .threads = 2, .ahead = 2};
    struct feed *feed = create(&made, options, 0);
    for (int n = 0; n < 3; n++) { /* the third has the first one's memory */
        const struct batch *batch = next(feed);
        assert_null(batch->pixels);
        assert_int_equal(batch->image_count, 3);
        for (int i = 0; i < 4; i++) {
            const struct batch_sequence *s = &batch->sequences[i];
            assert_int_equal(s->image, i == 2 ? -1 : i - (i > 2));
            assert_int_equal(s->count, i == 2 ? 1 : 2);
            if (i == 2)
                continue;
            const struct picture *p = &batch->pictures[s->image];
            assert_int_equal(p->views[0].width, widths[i]);
            assert_int_equal(p->views[0].height, heights[i]);
            assert_true(p->pixels[0] == (float)i && p->pixels[p->pixel_count - 1] == (float)i);
            assert_int_equal(s->tokens[0], widths[i]);
            assert_int_equal(s->tokens[1], heights[i]);
        }
    }
    feed_free(feed);
}

static void an_image_of_another_size_than_the_encoders_is_refused(void **state)
{
    (void)state;
    struct made made;
    lmvr_error error;
    const struct batch *batch;
    make(&made, 1, NULL);
    write_images(1);
    struct feed_options options = {.batch = 1, .preprocess = &as_it_is, .image_size = SIZE - 1, .threads = 1, .ahead = 1};
    struct feed *feed = create(&made, options, 0);
    assert_int_equal(feed_next(feed, &batch, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "0.png: is preprocessed to 6 x 6 pixels, but the encoder takes 5 x 5");
    feed_free(feed);
}

static void one_thread_and_four_make_the_same_batches(void **state)
{
    (void)state;
    struct made made;
    make(&made, 40, "x...t...........x.......t");
    write_images(40);
    unlink("7.png");
    write_text("20.png", "no image");
    struct feed_options options = {
        .batch = 9, .seed = 2, .preprocess = &as_it_is, .image_size = SIZE, .threads = 1, .ahead = 1};
    struct feed *one = create(&made, options, 3);
    options.threads = 4;
    options.ahead = 5;
    struct feed *four = create(&made, options, 3);
    for (int b = 0; b < 30; b++) {
        const struct batch *x = next(one), *y = next(four);
        assert_int_equal(x->image_count, y->image_count);
        for (int i = 0; i < 9; i++) {
            assert_int_equal(x->sequences[i].tokens[1], y->sequences[i].tokens[1]);
            assert_int_equal(x->sequences[i].image, y->sequences[i].image);
            if (x->sequences[i].image >= 0) /* its color is its index */
                assert_true(x->pixels[3 * SIZE * SIZE * x->sequences[i].image] == (float)(x->sequences[i].tokens[1] - 100));
        }
        assert_memory_equal(x->pixels, y->pixels, (size_t)x->image_count * 3 * SIZE * SIZE * sizeof *x->pixels);
        assert_int_equal(feed_skipped(one, NULL), feed_skipped(four, NULL));
    }
    assert_true(feed_skipped(one, NULL) > 0);
    feed_free(one);
    feed_free(four);
}

static void threads_stay_within_what_is_ahead(void **state)
{
    (void)state;
    struct made made;
    make(&made, 100, NULL);
    struct feed *feed = create(&made, (struct feed_options){.batch = 5, .threads = 2, .ahead = 3}, 0);
    next(feed);
    usleep(100000);
    assert_true(made.reads <= (1 + 3) * 5);
    feed_free(feed);
}

static void a_feed_is_freed_at_any_moment(void **state)
{
    (void)state;
    struct made made;
    make(&made, 50, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    for (int round = 0; round < 40; round++) {
        struct feed *feed = create(&made, (struct feed_options){.batch = 64, .threads = 4, .ahead = 2, .seed = 1}, round);
        for (int i = 0; i < round % 4; i++)
            next(feed);
        if (round % 3 == 0)
            usleep(1000); /* until they wait */
        feed_free(feed);
    }
    feed_free(NULL);
}

static void senseless_options_are_refused(void **state)
{
    (void)state;
    struct made made;
    struct feed *feed;
    lmvr_error error;
    make(&made, 0, NULL);
    struct feed_options options = {.batch = 1, .threads = 1, .ahead = 1};
    assert_int_equal(feed_create(&made.corpus, &options, 0, &feed, &error), LMVR_ERROR_INVALID);
    make(&made, 1, NULL);
    options.batch = 0;
    assert_int_equal(feed_create(&made.corpus, &options, 0, &feed, &error), LMVR_ERROR_INVALID);
    assert_null(feed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_epoch_has_every_sample_once_in_an_order_of_its_own),
        cmocka_unit_test(every_order_is_as_likely),
        cmocka_unit_test(in_order_the_samples_come_as_they_stand),
        cmocka_unit_test(a_feed_begun_at_batch_n_is_the_undisturbed_one_from_there),
        cmocka_unit_test(the_first_usable_sample_after_the_batch_is_the_replacement),
        cmocka_unit_test(at_the_end_of_an_epoch_the_next_one_stands_in),
        cmocka_unit_test(nothing_usable_is_an_error_that_stays),
        cmocka_unit_test(images_come_preprocessed_with_their_sequences),
        cmocka_unit_test(pictures_keep_their_sizes),
        cmocka_unit_test(an_image_of_another_size_than_the_encoders_is_refused),
        cmocka_unit_test(one_thread_and_four_make_the_same_batches),
        cmocka_unit_test(threads_stay_within_what_is_ahead),
        cmocka_unit_test(a_feed_is_freed_at_any_moment),
        cmocka_unit_test(senseless_options_are_refused),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
