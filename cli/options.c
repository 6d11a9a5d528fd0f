#include "options.h"

#include "cli.h"
#include "scenes/scenes.h"
#include "store/utf8.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { FLAG, TEXT, PATH, FEATURE, INTEGER, SEED, REAL, CHOICE };

struct row {
    char letter; /* 0: none */
    const char *name, *value;
    enum kind kind;
    size_t offset; /* into struct options */
    double least, most;
    unsigned commands;
    const char *help;
};

#define AT(member)     offsetof(struct options, member)
#define FOR_COMPUTING  (FOR_EMBED | FOR_DESCRIBE)
#define FOR_EVERYTHING (FOR_EMBED | FOR_DESCRIBE | FOR_INFO | FOR_BENCH | FOR_SCENES)
#define MAX_COUNT      4096

static const struct row table[] = {
    {'m', "model", "PATH", PATH, AT(model), 0, 0, FOR_BENCH, "a Hugging Face folder, in place of a --shape"},
    {'m', "model", "PATH", PATH, AT(model), 0, 0, FOR_COMPUTING | FOR_INFO,
     "a Hugging Face folder (default: the model that ships with the program)"},
    {'f', "feature", "[NAME=]SPEC", FEATURE, 0, 0, 0, FOR_EMBED,
     "what to compute, as often as wanted: source[:tokens[:pool[:layer]]] (default: llm:all:mean:-1)"},
    {'o', "output", "PLACE", PATH, AT(output), 0, 0, FOR_EMBED, "a folder, or with one feature a file that ends in .npy"},
    {0, "prompt", "TEXT", TEXT, AT(session.prompt), 0, 0, FOR_COMPUTING, "what the model is asked (default: the model's own)"},
    {0, "template", "NAME", TEXT, AT(session.template_name), 0, 0, FOR_COMPUTING,
     "what stands around the prompt: vicuna_v1, llava_hf, plain or none (default: the model's own)"},
    {0, "before-generation", NULL, FLAG, AT(session.before_generation), 0, 0, FOR_EMBED,
     "generate nothing: features of the prompt alone"},
    {0, "max-new-tokens", "N", INTEGER, AT(session.max_new_tokens), 1, 1 << 20, FOR_COMPUTING,
     "the longest response (default: 128)"},
    {0, "temperature", "T", REAL, AT(temperature), 0, 100, FOR_COMPUTING,
     "sample at this temperature; 0 is greedy (default: 0, or 1 with --top-p)"},
    {0, "top-p", "P", REAL, AT(top_p), 1e-6, 1, FOR_COMPUTING,
     "sample from the likeliest tokens that add up to P (default: 1)"},
    {0, "seed", "N", SEED, AT(session.seed), 0, 0, FOR_COMPUTING,
     "of sampling, together with the image's own bytes (default: 0)"},
    {0, "aspect", "crop|pad|stretch", CHOICE, AT(session.aspect), 0, 0, FOR_COMPUTING,
     "how an image becomes a square (default: what the model says)"},
    {0, "shape", "NAME", TEXT, AT(shape), 0, 0, FOR_BENCH,
     "random weights of this shape: llava-1.5-7b, vicuna-7b-224 or tiny (default: llava-1.5-7b)"},
    {0, "layers", "N", INTEGER, AT(layers), 1, 1024, FOR_BENCH, "cut the language model to N blocks (default: all)"},
    {0, "dtype", "f32|bf16", CHOICE, AT(dtype), 0, 0, FOR_COMPUTING | FOR_BENCH,
     "the type of the weights (default: bf16 where the machine computes in it, else f32)"},
    {0, "batch", "N", INTEGER, AT(session.batch), 1, MAX_COUNT, FOR_COMPUTING,
     "images at once (default: from the model and the memory)"},
    {0, "threads", "N", INTEGER, AT(session.threads), 1, MAX_COUNT, FOR_COMPUTING | FOR_BENCH,
     "processor threads (default: one a processor)"},
    {0, "resume", NULL, FLAG, AT(resume), 0, 0, FOR_EMBED, "go on with what an interrupted run left, or begin"},
    {0, "force", NULL, FLAG, AT(force), 0, 0, FOR_EMBED, "remove the results that are there, and begin"},
    {0, "strict", NULL, FLAG, AT(strict), 0, 0, FOR_COMPUTING, "stop at the first input that fails"},
    {0, "json", NULL, FLAG, AT(json), 0, 0, FOR_DESCRIBE | FOR_INFO | FOR_BENCH, "print JSON"},
    {0, "quick", NULL, FLAG, AT(quick), 0, 0, FOR_BENCH, "leave out end to end, and batches above 4"},
    {'q', "quiet", NULL, FLAG, AT(quiet), 0, 0, FOR_COMPUTING, "no progress"},
    {0, "layout", "voc2007|coco|visda|imagenet|deepfashion|llava", CHOICE, AT(scenes_layout), 0, 0, FOR_SCENES,
     "the public set whose files are made"},
    {0, "count", "N", INTEGER, AT(scenes_count), 1, SCENES_MOST, FOR_SCENES, "pictures to train on"},
    {0, "test-count", "N", INTEGER, AT(scenes_test_count), 1, SCENES_MOST, FOR_SCENES,
     "pictures to test on (default: a quarter of --count, at least one)"},
    {0, "seed", "N", SEED, AT(session.seed), 0, 0, FOR_SCENES, "another seed makes another set (default: 0)"},
    {'o', "output", "DIR", PATH, AT(output), 0, 0, FOR_SCENES, "a new or an empty folder"},
    {0, "size", "N", INTEGER, AT(scenes_size), 112, 2048, FOR_SCENES, "a picture's width and height in pixels (default: 224)"},
    {0, "threads", "N", INTEGER, AT(session.threads), 1, MAX_COUNT, FOR_SCENES, "processor threads (default: one a processor)"},
    {0, "force", NULL, FLAG, AT(force), 0, 0, FOR_SCENES, "remove the made set that is there, and begin"},
    {'q', "quiet", NULL, FLAG, AT(quiet), 0, 0, FOR_SCENES, "no progress"},
    {'h', "help", NULL, FLAG, 0, 0, 0, FOR_EVERYTHING, "print this and do nothing"},
};
#define ROWS (sizeof table / sizeof *table)

/* ---- help ---- */

/* Prints text in the columns from 28 to 96, the first line being where the cursor is. */
static void print_wrapped(const char *text)
{
    const int width = 68;
    while ((int)strlen(text) > width) {
        int end = width;
        while (end > 0 && text[end] != ' ')
            end--;
        printf("%.*s\n%28s", end, text, "");
        text += end + 1;
    }
    printf("%s\n", text);
}

static void print_help(const struct command *command)
{
    printf("Usage: lmvr %s\n\n%s\n\n", command->synopsis, command->summary);
    for (size_t i = 0; i < ROWS; i++) {
        char left[64];
        const struct row *r = &table[i];
        if (!(r->commands & command->bit))
            continue;
        int length = snprintf(left, sizeof left, "  %c%c%c --%s%s%s", r->letter ? '-' : ' ', r->letter ? r->letter : ' ',
                              r->letter ? ',' : ' ', r->name, r->value ? " " : "", r->value ? r->value : "");
        printf(length < 27 ? "%-28s" : "%s\n%28s", left, "");
        print_wrapped(r->help);
    }
    if (command->notes)
        printf("\n%s\n", command->notes);
}

/* ---- values ---- */

static bool begins_like_number(const char *text)
{
    text += *text == '-';
    return (*text >= '0' && *text <= '9') || (*text == '.' && text[1] >= '0' && text[1] <= '9');
}

static bool set_real(const struct row *r, const char *text, void *member)
{
    char *end;
    double value = strtod(text, &end);
    bool plain = begins_like_number(text) && strspn(text, "0123456789.eE+-") == strlen(text);
    if (!plain || *end || !isfinite(value) || value < r->least || value > r->most) {
        complain("--%s takes a number from %g to %g, not \"%s\"", r->name, r->least, r->most, text);
        return false;
    }
    *(double *)member = value;
    return true;
}

static bool set_integer(const struct row *r, const char *text, void *member)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (!begins_like_number(text) || *end || (double)value < r->least || (double)value > r->most) {
        complain("--%s takes a whole number from %.0f to %.0f, not \"%s\"", r->name, r->least, r->most, text);
        return false;
    }
    *(int *)member = (int)value;
    return true;
}

static bool set_seed(const struct row *r, const char *text, void *member)
{
    uint64_t value = 0;
    bool fits = *text;
    for (const char *c = text; *c && fits; c++)
        fits = *c >= '0' && *c <= '9' && !__builtin_mul_overflow(value, 10u, &value) &&
               !__builtin_add_overflow(value, (uint64_t)(*c - '0'), &value) && value <= INT64_MAX; /* what JSON readers hold */
    if (!fits) {
        complain("--%s takes a whole number from 0 to %lld, not \"%s\"", r->name, (long long)INT64_MAX, text);
        return false;
    }
    *(uint64_t *)member = value;
    return true;
}

/* The enumerations' values are the places in "a|b|c", counted from 1; 0 is the default. */
static bool set_choice(const struct row *r, const char *text, void *member)
{
    int place = 1;
    for (const char *choice = r->value; choice; place++) {
        size_t length = strcspn(choice, "|");
        if (strlen(text) == length && memcmp(text, choice, length) == 0) {
            *(int *)member = place;
            return true;
        }
        choice = choice[length] ? choice + length + 1 : NULL;
    }
    complain("--%s takes %s, not \"%s\"", r->name, r->value, text);
    return false;
}

static bool set_value(const struct row *r, const char *text, struct options *o)
{
    void *member = (char *)o + r->offset;
    switch (r->kind) {
    case FLAG:
        *(bool *)member = true;
        return true;
    case INTEGER:
        return set_integer(r, text, member);
    case SEED:
        return set_seed(r, text, member);
    case REAL:
        return set_real(r, text, member);
    case CHOICE:
        return set_choice(r, text, member);
    case PATH:
        *(const char **)member = text;
        return true;
    case TEXT:
    case FEATURE:
        break;
    }
    if (!utf8_is_valid(text)) {
        complain("--%s is not UTF-8", r->name);
        return false;
    }
    if (r->kind == FEATURE)
        o->features[o->session.feature_count++] = text;
    else
        *(const char **)member = text;
    return true;
}

/* ---- parsing ---- */

/* getopt's two descriptions of the command's options; a row's number in the table, plus 256, is getopt's value for it. */
static void describe_options(const struct command *command, struct option *longs, char *shorts)
{
    *shorts++ = ':'; /* tell a missing value from an unknown option */
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *r = &table[i];
        if (!(r->commands & command->bit))
            continue;
        *longs++ = (struct option){r->name, r->value ? required_argument : no_argument, NULL, 256 + (int)i};
        if (r->letter)
            *shorts++ = r->letter;
        if (r->letter && r->value)
            *shorts++ = ':';
    }
    *longs = (struct option){0};
    *shorts = '\0';
}

static const struct row *find_row(int value)
{
    if (value >= 256)
        return &table[value - 256];
    for (size_t i = 0; i < ROWS; i++)
        if (table[i].letter == value)
            return &table[i];
    return NULL;
}

/* Whether a word such as "--te", or "--te=x", is the beginning of an option of the command. */
static bool begins_some(const struct command *command, const char *word)
{
    for (size_t i = 0; i < ROWS; i++)
        if ((table[i].commands & command->bit) && strncmp(table[i].name, word + 2, strcspn(word + 2, "=")) == 0)
            return true;
    return false;
}

/* What getopt could not use: `value` is its '?' or ':'. */
static void complain_about_option(int value, const struct command *command, const char *word)
{
    const struct row *r = optopt ? find_row(optopt) : NULL;
    if (value == ':' && r)
        complain("--%s needs a value, %s; see lmvr %s --help", r->name, r->value, command->name);
    else if (r && optopt >= 256)
        complain("--%s takes no value; see lmvr %s --help", r->name, command->name);
    else if (optopt)
        complain("there is no option -%c; see lmvr %s --help", optopt, command->name);
    else
        complain(begins_some(command, word) ? "%.*s is short for more than one option; see lmvr %s --help"
                                            : "there is no option %.*s; see lmvr %s --help",
                 (int)strcspn(word, "="), word, command->name);
}

static bool parse_options(const struct command *command, int argc, char **argv, struct options *o, int *exit_status)
{
    struct option longs[ROWS + 1];
    char shorts[2 * ROWS + 2];
    int value;
    describe_options(command, longs, shorts);
    opterr = 0;
    while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (value == '?' || value == ':') {
            complain_about_option(value, command, argv[optind - 1]);
            return false;
        }
        const struct row *r = find_row(value);
        if (r->letter == 'h') {
            print_help(command);
            *exit_status = flush_stdout() ? EXIT_DONE : EXIT_STOPPED;
            return false;
        }
        if (!set_value(r, optarg, o))
            return false;
    }
    return true;
}

bool options_parse(const struct command *command, int argc, char **argv, struct options *options, int *exit_status)
{
    *options = (struct options){.temperature = NAN, .top_p = NAN};
    lmvr_session_options_default(&options->session);
    *exit_status = EXIT_CANNOT;
    options->features = calloc((size_t)argc, sizeof *options->features);
    if (!options->features) {
        complain("out of memory for the options");
        *exit_status = EXIT_STOPPED;
        return false;
    }
    if (!parse_options(command, argc, argv, options, exit_status))
        return false;
    bool samples = !isnan(options->top_p);
    options->session.features = options->features;
    options->session.temperature = (float)(!isnan(options->temperature) ? options->temperature : samples ? 1 : 0);
    options->session.top_p = (float)(samples ? options->top_p : 1);
    options->inputs = argv + optind;
    options->input_count = (size_t)(argc - optind);
    return true;
}

void options_finish(struct options *options)
{
    free(options->features);
    options->features = NULL;
}
