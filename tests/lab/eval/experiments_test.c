/* Every experiment from end to end, with the real program, on small generated sets in the layouts of the known ones. */
#define PROGRAM "../lmvr"
#include "cli/program.h"
#include "made_set.h"

#include <jansson.h>
#include <math.h>

#define MODEL  "-m " LMVR_TEST_DATA "/golden/llava-old-f32 --max-new-tokens 6 --c 1 "
#define GOLDEN LMVR_TEST_DATA "/golden/"
#define MODEL2 LMVR_TEST_DATA "/golden/llava-odd-f32"

static json_t *load_report(const char *folder)
{
    char path[256];
    json_error_t bad;
    snprintf(path, sizeof path, "%s/report.json", folder);
    json_t *report = json_load_file(path, 0, &bad);
    if (!report)
        fail_msg("%s: %s", path, bad.text);
    return report;
}

/* A file of the report that has `part` in it. */
static void assert_file_has(const char *folder, const char *name, const char *part)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *text = read_bytes(path, NULL);
    if (!text)
        fail_msg("%s is missing", path);
    if (!strstr(text, part))
        fail_msg("%s should say \"%s\"", path, part);
    free(text);
}

/* The value in the CSV row that begins with `row`, in the column with this heading. */
static double csv_value(const char *path, const char *row, const char *column)
{
    char *text = read_bytes(path, NULL), *save_line, *save_cell;
    int wanted = -1;
    double value = NAN;
    assert_non_null(text);
    for (char *line = strtok_r(text, "\r\n", &save_line); line; line = strtok_r(NULL, "\r\n", &save_line)) {
        int place = 0;
        bool heading = wanted < 0, match = strncmp(line, row, strlen(row)) == 0 && line[strlen(row)] == ',';
        for (char *cell = line; cell; place++) {
            save_cell = strchr(cell, ',');
            if (save_cell)
                *save_cell++ = '\0';
            if (heading && strcmp(cell, column) == 0)
                wanted = place;
            if (!heading && match && place == wanted)
                value = *cell ? strtod(cell, NULL) : NAN;
            cell = save_cell;
        }
        if (wanted < 0)
            fail_msg("%s has no column %s", path, column);
    }
    free(text);
    return value;
}

static int times_in_file(const char *folder, const char *name, const char *part)
{
    char path[256];
    int times = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *text = read_bytes(path, NULL);
    assert_non_null(text);
    for (const char *c = text; (c = strstr(c, part)); c++)
        times++;
    free(text);
    return times;
}

static void assert_whole_report(const char *folder, const char *table)
{
    char name[128];
    assert_file_has(folder, "report.html", "<svg");
    assert_file_has(folder, "report.html", "data:image/");
    assert_file_has(folder, "report.md", "|");
    snprintf(name, sizeof name, "tables/%s.csv", table);
    assert_file_has(folder, name, ",");
    json_decref(load_report(folder));
}

/* The gallery's images come in pairs of the same class, with their responses; the first pair has these titles. */
static void assert_pairs(const char *folder, const char *first_title, const char *second_title)
{
    json_t *report = load_report(folder), *block, *pictures = NULL;
    size_t i, responses = 0;
    json_array_foreach(json_object_get(report, "content"), i, block)
    {
        const char *name = json_string_value(json_object_get(block, "name"));
        if (name && strcmp(name, "examples") == 0)
            pictures = json_object_get(block, "pictures");
    }
    size_t count = json_array_size(pictures);
    if (count < 2 || count % 2)
        fail_msg("%s: %zu examples", folder, count);
    for (i = 0; i < count; i++) {
        json_t *one = json_array_get(pictures, i), *other = json_array_get(pictures, i ^ 1);
        const char *title = json_string_value(json_object_get(one, "title")), *begin = i % 2 ? second_title : first_title;
        if (i < 2 && strncmp(title, begin, strlen(begin)) != 0)
            fail_msg("%s: \"%s\" should be \"%s\"", folder, title, begin);
        assert_string_equal(json_string_value(json_object_get(one, "label")),
                            json_string_value(json_object_get(other, "label")));
        responses += json_string_value(json_object_get(one, "text")) != NULL; /* some are empty, as the model is random */
    }
    assert_true(responses > count / 2);
    json_decref(report);
}

/* ---- each experiment ---------------------------------------------------------------------------------------------------- */

static void design_and_components_have_a_row_per_representation(void **state)
{
    (void)state;
    make_voc("voc", 60, 20);
    assert_ended(lmvr("eval design " MODEL "--dataset voc2007 --data voc -o design"), 0, NULL);
    assert_non_null(strstr(run_done.out, "before generation"));
    assert_whole_report("design", "design");
    assert_ended(lmvr("eval components " MODEL "--dataset voc2007 --data voc -o components"), 0, NULL);
    assert_whole_report("components", "components");
    assert_true(csv_value("components/tables/components.csv", "with adaptor", "map_11_points") > 20);
    assert_true(csv_value("components/tables/components.csv", "with adaptor", "paper_llava_voc07") == 91.0);
    assert_file_has("components", "figures/components.svg", "the paper&#39;s, LLaVA, VOC07");
    assert_int_equal(times_in_file("components", "tables/components.csv", "coco"), 0); /* other data */
    assert_int_equal(times_in_file("components", "tables/components.csv", "blip"), 0); /* another kind of model */
    assert_int_equal(times_in_file("components", "report.md", "Components (tables 2 and 7)"), 1);
}

/* COCO's mAP is next to the paper's for COCO; results that the paper does not have are next to nothing. */
static void the_papers_figures_are_those_of_the_same_data(void **state)
{
    (void)state;
    static const char *const classes[] = {"cat", "dog", "owl"};
    make_class_folders("pictures", ".", classes, 3, 30);
    assert_ended(lmvr("scenes --layout coco --count 30 --test-count 12 --size 112 -q -o coco"), 0, NULL);
    assert_ended(lmvr("eval components " MODEL "--dataset coco --data coco -o coco-report"), 0, "warning");
    assert_true(csv_value("coco-report/tables/components.csv", "with adaptor", "paper_llava_coco") == 78.5);
    assert_file_has("coco-report", "figures/components.svg", "LLaVA, COCO");
    assert_int_equal(times_in_file("coco-report", "figures/components.svg", "VOC07"), 0);
    assert_ended(lmvr("eval components " MODEL "--dataset folder --data pictures -o own"), 0, NULL);
    assert_int_equal(times_in_file("own", "tables/components.csv", "paper"), 0);
    assert_int_equal(times_in_file("own", "figures/components.svg", "paper"), 0);
    assert_file_has("own", "report.md", "reports nothing comparable for this data set");
}

/* ---- zero-shot ---------------------------------------------------------------------------------------------------------- */

/* Models with random weights know no words, so what is compared is two ways to the same figures. */
static void images_are_classified_by_the_names_of_classes(void **state)
{
    (void)state;
    static const char *const classes[] = {"red_cat", "dog", "owl", "bus", "car", "boat", "train"};
    make_class_folders("pictures", "train", classes, 7, 7);
    make_class_folders("pictures", "test", classes, 7, 28);
    write_text("two.txt", "a photo of a {}.\n\nthe {}\n");
    assert_ended(lmvr("eval zero-shot -m " GOLDEN "clip-text-f32 --dataset folder --data pictures -o one"), 0, NULL);
    assert_ended(lmvr("eval zero-shot -m " GOLDEN "clip-text-f32 --dataset folder --data pictures --templates two.txt -o two"),
                 0, NULL);
    assert_ended(lmvr("eval zero-shot -m " GOLDEN "qwen2vl-new-f32 --dataset folder --data pictures -o language"), 0, NULL);
    assert_whole_report("one", "zero-shot");
    double first = csv_value("one/tables/zero-shot.csv", "joint space", "accuracy_top_1");
    double five = csv_value("one/tables/zero-shot.csv", "joint space", "accuracy_top_5");
    assert_true(first >= 0 && five > first && five <= 100);
    assert_int_equal(times_in_file("one", "tables/zero-shot.csv", "training_images"), 0);
    assert_file_has("one", "report.md", "28 images"); /* those of the test split alone */
    assert_file_has("two", "report.md", "2 templates, the first: a photo of a");
    assert_file_has("language", "tables/zero-shot.csv", "\"before generation, mean\"");
    assert_file_has("language", "tables/zero-shot.csv", "\"before generation, last token\"");
    assert_false(exists("language/features/clean/joint.npy"));
}

/* From captions to names: training, the tokenizer that it makes, both towers, the cosine. */
static void a_clip_that_learned_from_captions_knows_the_names(void **state)
{
    (void)state;
    static const char *const classes[] = {"red_cat", "dog", "owl", "bus", "car", "boat", "train"};
    make_class_folders("pictures", "train", classes, 7, 70);
    make_class_folders("pictures", "test", classes, 7, 21);
    for (int i = 0; i < 70; i++)
        append("captions.jsonl", "{\"image\": \"pictures/train/%s/%04d.png\", \"caption\": \"a photo of a %s.\"}\n",
               classes[i % 7], i, i % 7 ? classes[i % 7] : "red cat");
    write_text("clip.json",
               "{\"architectures\": [\"CLIPModel\"], \"model_type\": \"clip\", \"projection_dim\": 24, \"text_config\": {"
               "\"vocab_size\": 302, \"hidden_size\": 32, \"num_hidden_layers\": 1, \"num_attention_heads\": 2, "
               "\"intermediate_size\": 64, \"max_position_embeddings\": 32, \"bos_token_id\": 300, \"eos_token_id\": "
               "301}, \"vision_config\": {\"hidden_size\": 32, \"image_size\": 32, \"patch_size\": 8, "
               "\"num_hidden_layers\": 1, \"num_attention_heads\": 2, \"intermediate_size\": 64}}");
    assert_ended(lmvr("train contrastive --config clip.json --data captions.jsonl --images . --steps 50 --batch 35 --lr 3e-3 "
                      "--vocabulary-size 300 -q -o clip"),
                 0, NULL);
    assert_ended(lmvr("eval zero-shot -m clip --dataset folder --data pictures -o report"), 0, NULL);
    assert_true(csv_value("report/tables/zero-shot.csv", "joint space", "accuracy_top_1") > 80);
}

static void what_cannot_be_classified_by_names_is_refused(void **state)
{
    (void)state;
    static const char *const classes[] = {"n01440764", "n01443537"};
    make_class_folders("imagenet", "train", classes, 2, 4);
    make_class_folders("imagenet", "val", classes, 2, 4);
    write_text("bad.txt", "a photo of a {}.\na photo\n");
    assert_ended(lmvr("eval zero-shot -m " GOLDEN "clip-text-f32 --data imagenet --templates bad.txt -o a"), 2,
                 "bad.txt: line 2: expected a template with one {} for the class's name");
    assert_ended(lmvr("eval zero-shot -m " GOLDEN "clip-text-f32 --data imagenet -o b"), 2,
                 "the class n01440764 has no name in words");
    assert_ended(lmvr("eval zero-shot -m " GOLDEN "clip-f32 --data imagenet --seeds 2 -o c"), 2, "zero-shot trains nothing");
    assert_ended(lmvr("eval components -m " GOLDEN "clip-f32 --data imagenet --templates bad.txt -o d"), 2,
                 "--templates is for the experiment zero-shot");
    write_text("imagenet/LOC_synset_mapping.txt", "n01440764 tench, Tinca tinca\nn01443537 goldfish\n");
    assert_ended(lmvr("eval zero-shot -m " GOLDEN "clip-f32 --data imagenet -o e"), 2,
                 "\"a photo of a tench.\" cannot be used");
}

/* ---- intervals, seeds and models ---------------------------------------------------------------------------------------- */

static void figures_have_an_interval_of_the_test_images(void **state)
{
    (void)state;
    make_visda("visda", 24, 24);
    for (int i = 24; i < 48; i += 4) { /* six look like another class */
        char path[64];
        static const char *const classes[] = {"aeroplane", "horse", "plant"};
        snprintf(path, sizeof path, "visda/validation/%s/%04d.png", classes[i % 12 / 4], i);
        write_picture(path, i % 12 + 1, i % 12 + 1, i);
    }
    assert_ended(lmvr("eval domain-shift " MODEL "--dataset visda --data visda -o few"), 0, NULL);
    double value = csv_value("few/tables/domain-shift.csv", "LMVR", "accuracy_of_images");
    double low = csv_value("few/tables/domain-shift.csv", "LMVR", "accuracy_of_images_low");
    double high = csv_value("few/tables/domain-shift.csv", "LMVR", "accuracy_of_images_high");
    assert_true(value > 50 && value < 100); /* else there is nothing to see */
    assert_true(low < value && value < high);
    /* the binomial's 95 %, of 24 images */
    double expected = 2 * 1.96 * sqrt(value * (100 - value) / 24);
    assert_true(fabs((high - low) / expected - 1) < 0.25);
    assert_file_has("few", "report.json", "\"intervals\": {");
}

/* One of several seeds gives the same as a run with that seed alone: the same split, the same values. */
static void each_seed_is_what_it_would_be_alone(void **state)
{
    (void)state;
    static const char *const classes[] = {"cat", "dog", "owl", "hen", "cow", "bee", "fox"};
    make_class_folders("pictures", ".", classes, 7, 70);
    for (int i = 0; i < 70; i += 6) { /* some look like another class, and splits differ in them */
        char path[64];
        snprintf(path, sizeof path, "pictures/./%s/%04d.png", classes[i % 7], i);
        write_picture(path, (i + 1) % 7, (i + 1) % 7, i);
    }
    assert_ended(lmvr("eval domain-shift " MODEL "--dataset folder --data pictures --seeds 3 -o three"), 0, NULL);
    double sum = 0, squares = 0, values[3];
    for (int s = 0; s < 3; s++) {
        char call[512], seed[16];
        snprintf(call, sizeof call, "eval domain-shift " MODEL "--dataset folder --data pictures --seed %d -o alone%d", s, s);
        assert_ended(lmvr(call), 0, NULL);
        snprintf(call, sizeof call, "alone%d/tables/domain-shift.csv", s);
        snprintf(seed, sizeof seed, "seed_%d", s);
        values[s] = csv_value(call, "LMVR", "accuracy_of_images");
        assert_true(fabs(csv_value("three/tables/seeds.csv", "LMVR", seed) - values[s]) < 1e-9);
        sum += values[s];
    }
    for (int s = 0; s < 3; s++)
        squares += pow(values[s] - sum / 3, 2);
    assert_true(squares > 0); /* the splits differ */
    assert_true(fabs(csv_value("three/tables/domain-shift.csv", "LMVR", "accuracy_of_images") - sum / 3) < 1e-9);
    assert_true(fabs(csv_value("three/tables/seeds.csv", "LMVR", "accuracy_standard_deviation") - sqrt(squares / 2)) < 1e-9);
}

static void several_models_have_rows_and_features_of_their_own(void **state)
{
    (void)state;
    make_visda("visda", 24, 12);
    assert_ended(lmvr("eval domain-shift " MODEL "-m " MODEL2 " --dataset visda --data visda -o two"), 0, NULL);
    assert_ended(lmvr("eval domain-shift " MODEL "--dataset visda --data visda -o one"), 0, NULL);
    assert_true(exists("two/features/llava-odd-f32/clean/lmvr.npy"));
    assert_same_file("two/features/llava-old-f32/clean/lmvr.npy", "one/features/clean/lmvr.npy");
    assert_true(csv_value("two/tables/domain-shift.csv", "llava-old-f32,LMVR", "accuracy_of_images") ==
                csv_value("one/tables/domain-shift.csv", "LMVR", "accuracy_of_images"));
    assert_true(csv_value("two/tables/domain-shift.csv", "llava-odd-f32,LMVR", "accuracy_of_images") >= 0);
    remove_tree("two/features/llava-odd-f32"); /* the other model's are not computed again */
    assert_ended(lmvr("eval domain-shift " MODEL "-m " MODEL2 " --dataset visda --data visda -o two"), 0, NULL);
    assert_int_equal(times_in_file("two", "report.md", "36 of them computed by an earlier run"), 1);
}

static void a_probe_holds_on_the_other_domain_of_the_same_colors(void **state)
{
    (void)state;
    make_visda("visda", 96, 24);
    assert_ended(lmvr("eval domain-shift " MODEL "--dataset visda --data visda -o shift"), 0, NULL);
    assert_whole_report("shift", "domain-shift");
    assert_true(csv_value("shift/tables/domain-shift.csv", "LMVR", "accuracy_of_images") > 60);
    assert_pairs("shift", "source domain: ", "target domain: ");
}

static void corruptions_are_measured_on_the_way_at_every_severity(void **state)
{
    (void)state;
    static const char *const classes[] = {"cat", "dog", "owl"};
    make_class_folders("pictures", "train", classes, 3, 24);
    make_class_folders("pictures", "test", classes, 3, 6);
    assert_ended(lmvr("eval corruption " MODEL "--dataset folder --data pictures --size 0 -o corruption"), 0, NULL);
    assert_whole_report("corruption", "corruption");
    assert_file_has("corruption", "tables/severities.csv", "jpeg_compression,5");
    assert_true(exists("corruption/features/fog/3/index.jsonl"));
    assert_true(csv_value("corruption/tables/corruption.csv", ",clean", "accuracy_lmvr") > 60);
    assert_pairs("corruption", "clean: ", "gaussian_noise, severity 3");
}

static void corruptions_on_disk_give_what_those_on_the_way_give(void **state)
{
    (void)state;
    static const char *const classes[] = {"n01440764", "n01443537", "n01484850"};
    make_class_folders("imagenet", "train", classes, 3, 24);
    make_class_folders("imagenet", "val", classes, 3, 6);
    assert_ended(
        lmvr("corrupt --type fog,contrast --severity 2,5 --size 224 --format jpg --seed 3 -q -o imagenet-c imagenet/val"), 0,
        NULL);
    assert_ended(lmvr("eval corruption " MODEL "--dataset imagenet --data imagenet --seed 3 --corrupted imagenet-c -o disk"), 0,
                 NULL);
    assert_ended(lmvr("eval corruption " MODEL "--dataset imagenet --data imagenet --seed 3 -o way"), 0, NULL);
    assert_same_file("disk/features/fog/5/lmvr.npy", "way/features/fog/5/lmvr.npy");
    assert_same_file("disk/features/contrast/2/encoder.npy", "way/features/contrast/2/encoder.npy");
    assert_false(is_same_file("way/features/contrast/2/encoder.npy", "way/features/contrast/5/encoder.npy"));
    assert_false(exists("disk/features/snow"));
}

/* The extra set has its own row, and the mean over corruptions leaves it out. */
static void corruptions_can_be_chosen_and_the_extra_set_stands_apart(void **state)
{
    (void)state;
    static const char *const classes[] = {"n01440764", "n01443537", "n01484850"};
    make_class_folders("imagenet", "train", classes, 3, 24);
    make_class_folders("imagenet", "val", classes, 3, 6);
    assert_ended(lmvr("eval corruption " MODEL "--dataset imagenet --data imagenet --type contrast,gaussian_blur,saturate "
                      "--severity 5,2 -o way"),
                 0, NULL);
    assert_file_has("way", "tables/severities.csv", "gaussian_blur,2");
    assert_true(exists("way/features/saturate/5") && !exists("way/features/saturate/3") && !exists("way/features/fog"));
    double contrast = csv_value("way/tables/corruptions.csv", "digital,contrast", "accuracy_lmvr");
    double blur = csv_value("way/tables/corruptions.csv", "extra,gaussian_blur", "accuracy_lmvr");
    double saturate = csv_value("way/tables/corruptions.csv", "extra,saturate", "accuracy_lmvr");
    assert_true(csv_value("way/tables/corruption.csv", ",all corruptions", "accuracy_lmvr") == contrast);
    assert_true(fabs(csv_value("way/tables/corruption.csv", ",extra", "accuracy_lmvr") - (blur + saturate) / 2) < 1e-9);
    assert_ended(lmvr("corrupt --type gaussian_blur,snow --severity 2 --size 224 --format jpg -q -o imagenet-c imagenet/val"),
                 0, NULL);
    assert_int_equal(rename("imagenet-c/gaussian_blur", "gaussian_blur") | mkdir("imagenet-c/extra", 0777) |
                         rename("gaussian_blur", "imagenet-c/extra/gaussian_blur"),
                     0);
    assert_ended(
        lmvr("eval corruption " MODEL "--dataset imagenet --data imagenet --corrupted imagenet-c --type extra -o disk"), 0,
        NULL);
    assert_true(exists("disk/features/gaussian_blur/2") && !exists("disk/features/snow"));
    assert_same_file("disk/features/gaussian_blur/2/lmvr.npy", "way/features/gaussian_blur/2/lmvr.npy");
    assert_pairs("way", "clean: ", "contrast, severity 5");
    assert_pairs("disk", "clean: ", "gaussian_blur, severity 2");
    assert_ended(lmvr("eval corruption " MODEL "--dataset imagenet --data imagenet --corrupted imagenet-c --type fog -o no"), 2,
                 "imagenet-c: has none of the requested corruptions\n");
    assert_ended(lmvr("eval design " MODEL "--dataset imagenet --data imagenet --type fog -o no"), 2,
                 "--type and --severity are for the experiment corruption\n");
}

static void attributes_are_averaged_by_group_and_a_fine_tuned_model_has_a_row(void **state)
{
    (void)state;
    make_deepfashion("fashion", 60);
    assert_ended(lmvr("eval attributes " MODEL "--dataset deepfashion --data fashion --finetuned " MODEL2 " -o attributes"), 0,
                 "warning");
    assert_whole_report("attributes", "attributes");
    assert_file_has("attributes", "tables/attributes.csv", "fine-tuned");
    assert_file_has("attributes", "tables/tasks.csv", "sleeve");
    assert_file_has("attributes", "report.md", "hat: yes; ");
}

/* ---- promises to users -------------------------------------------------------------------------------------------------- */

static void the_same_call_again_computes_nothing_and_says_the_same(void **state)
{
    (void)state;
    make_visda("visda", 24, 12);
    assert_ended(lmvr("eval domain-shift " MODEL "--dataset visda --data visda -o a"), 0, NULL);
    assert_ended(lmvr("eval domain-shift " MODEL "--dataset visda --data visda --batch 2 --threads 1 -o b"), 0, NULL);
    assert_same_file("a/features/clean/lmvr.npy", "b/features/clean/lmvr.npy");
    char *features = read_bytes("a/features/clean/lmvr.npy", NULL);
    assert_ended(lmvr("eval domain-shift " MODEL "--dataset visda --data visda -o a"), 0, NULL);
    assert_file_has("a", "report.md", "36 of them computed by an earlier run");
    free(features);
    json_t *first = load_report("a"), *second = load_report("b");
    json_decref(first);
    json_decref(second);
}

static void a_killed_run_goes_on(void **state)
{
    (void)state;
    char *arguments[] = {(char *)"lmvr",
                         (char *)"eval",
                         (char *)"domain-shift",
                         (char *)"-m",
                         (char *)LMVR_TEST_DATA "/golden/llava-old-f32",
                         (char *)"--max-new-tokens",
                         (char *)"6",
                         (char *)"--dataset",
                         (char *)"visda",
                         (char *)"--data",
                         (char *)"visda",
                         (char *)"-o",
                         (char *)"killed",
                         NULL};
    make_visda("visda", 240, 24);
    assert_ended(lmvr("eval domain-shift " MODEL "--dataset visda --data visda -o whole"), 0, NULL);
    pid_t pid = start(arguments);
    while (size_of_file("killed/features/clean/index.jsonl") < 2000)
        usleep(1000);
    kill(pid, SIGKILL);
    assert_int_equal(finish(pid), 128 + SIGKILL);
    assert_false(exists("killed/report.json"));
    assert_ended(lmvr("eval domain-shift " MODEL "--dataset visda --data visda -o killed"), 0, NULL);
    assert_same_file("whole/features/clean/lmvr.npy", "killed/features/clean/lmvr.npy");
    assert_same_file("whole/features/clean/index.jsonl", "killed/features/clean/index.jsonl");
}

static void broken_images_are_left_out_and_counted(void **state)
{
    (void)state;
    make_visda("visda", 24, 12);
    write_text("visda/train/bus/0002.png", "no image");
    write_text("visda/validation/car/0027.png", "neither");
    remove("visda/train/aeroplane/0012.png");
    assert_ended(lmvr("eval domain-shift " MODEL "--dataset visda --data visda -o broken"), 1, "2 of 35 images");
    assert_file_has("broken", "report.md", "0002.png");
    assert_file_has("broken", "report.md", "0012.png");
    assert_true(csv_value("broken/tables/domain-shift.csv", "LMVR", "test_images") == 11);
}

static void other_options_than_the_features_were_begun_with_are_refused(void **state)
{
    (void)state;
    make_visda("visda", 24, 12);
    assert_ended(lmvr("eval domain-shift " MODEL "--dataset visda --data visda -o out"), 0, NULL);
    assert_ended(lmvr("eval domain-shift " MODEL "--prompt What? --dataset visda --data visda -o out"), 2, "prompt");
    assert_ended(lmvr("eval domain-shift " MODEL "--prompt What? --dataset visda --data visda -o out --force"), 0, NULL);
    assert_ended(lmvr("eval domain-shift " MODEL "--prompt What? --dataset visda --data visda -o out --c 0.1"), 0, NULL);
}

static void calls_that_make_no_sense_are_refused_in_a_sentence(void **state)
{
    (void)state;
    assert_ended(lmvr("eval"), 2, "design");
    assert_ended(lmvr("eval everything --data x -o y"), 2, "no experiment \"everything\"");
    assert_ended(lmvr("eval design -o y"), 2, "--data");
    assert_ended(lmvr("eval design --data x"), 2, "-o");
    assert_ended(lmvr("eval design --dataset mnist --data x -o y"), 2, "voc2007");
    assert_ended(lmvr("eval design --dataset voc2007 --data nowhere -o y"), 2, "nowhere");
    assert_ended(lmvr("eval design --corrupted c --data x -o y"), 2, "--corrupted");
    assert_false(exists("y"));
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(design_and_components_have_a_row_per_representation),
        IN_A_FOLDER(the_papers_figures_are_those_of_the_same_data),
        IN_A_FOLDER(images_are_classified_by_the_names_of_classes),
        IN_A_FOLDER(a_clip_that_learned_from_captions_knows_the_names),
        IN_A_FOLDER(what_cannot_be_classified_by_names_is_refused),
        IN_A_FOLDER(figures_have_an_interval_of_the_test_images),
        IN_A_FOLDER(each_seed_is_what_it_would_be_alone),
        IN_A_FOLDER(several_models_have_rows_and_features_of_their_own),
        IN_A_FOLDER(a_probe_holds_on_the_other_domain_of_the_same_colors),
        IN_A_FOLDER(corruptions_are_measured_on_the_way_at_every_severity),
        IN_A_FOLDER(corruptions_on_disk_give_what_those_on_the_way_give),
        IN_A_FOLDER(corruptions_can_be_chosen_and_the_extra_set_stands_apart),
        IN_A_FOLDER(attributes_are_averaged_by_group_and_a_fine_tuned_model_has_a_row),
        IN_A_FOLDER(the_same_call_again_computes_nothing_and_says_the_same),
        IN_A_FOLDER(a_killed_run_goes_on),
        IN_A_FOLDER(broken_images_are_left_out_and_counted),
        IN_A_FOLDER(other_options_than_the_features_were_begun_with_are_refused),
        IN_A_FOLDER(calls_that_make_no_sense_are_refused_in_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
