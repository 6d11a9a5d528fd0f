/* lmvr attend: where the model looks in the image when it chooses the words of a response. */
#include "cli.h"
#include "engine.h"
#include "error.h"
#include "lab/figure/attend_output.h"
#include "lab/figure/picture.h"
#include "lab/figure/sheet.h"
#include "lab/figure/text.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_NOUNS  40   /* that are shown without being asked for */
#define MOST_PIXELS 1024 /* of a picture's side */
#define QUOTED      500  /* bytes of a response in a complaint */

struct attend_run {
    const struct options *options;
    const char *path;
    char **wanted; /* the items of --words or --token */
    size_t wanted_count;
    struct engine engine;
    struct image image; /* made smaller where it was large */
    int width, height;  /* of the image as it came */
    struct word_maps maps;
    json_t *missing;  /* what was asked for and is not in the response */
    lmvr_error error; /* of the callback */
    lmvr_status status;
    int exit_status;
};

/* ---- the call -------------------------------------------------------------------------------------------------------- */

/* The items of a comma list, without spaces around them. */
static lmvr_status split_list(const char *option, const char *list, struct attend_run *run, lmvr_error *error)
{
    size_t space = 1;
    for (const char *c = list; *c; c++)
        space += *c == ',';
    if (space > SHEET_MOST_WORDS)
        return error_set(error, LMVR_ERROR_INVALID, "%s takes at most %d at once, not %zu", option, SHEET_MOST_WORDS, space);
    run->wanted = calloc(space, sizeof *run->wanted);
    if (!run->wanted)
        return error_no_memory(error, "the words");
    for (const char *item = list;; item++) {
        size_t length = strcspn(item, ","), first = strspn(item, " "), last = length;
        while (last > first && item[last - 1] == ' ')
            last--;
        if (first >= last)
            return error_set(error, LMVR_ERROR_INVALID, "%s has an empty item in \"%s\"", option, list);
        run->wanted[run->wanted_count] = strndup(item + first, last - first);
        if (!run->wanted[run->wanted_count++])
            return error_no_memory(error, "the words");
        item += length;
        if (!*item)
            return LMVR_OK;
    }
}

/* A number that is all digits; *text goes behind it. */
static bool take_number(const char **text, int *value)
{
    char *end;
    if (**text < '0' || **text > '9')
        return false;
    long number = strtol(*text, &end, 10);
    *text = end;
    *value = number < INT_MAX ? (int)number : INT_MAX;
    return true;
}

static lmvr_status check_tokens(const struct attend_run *run, lmvr_error *error)
{
    for (size_t i = 0; i < run->wanted_count; i++) {
        const char *text = run->wanted[i];
        int token;
        if (!take_number(&text, &token) || *text)
            return error_set(error, LMVR_ERROR_INVALID, "--token takes whole numbers, counted from 0, not \"%s\"",
                             run->wanted[i]);
    }
    return LMVR_OK;
}

/* "A:B", "A", "A:" or ":B" of a model with so many blocks. */
static lmvr_status parse_blocks(const char *text, int blocks, int *first, int *last, lmvr_error *error)
{
    const char *rest = text;
    *first = 1;
    *last = blocks;
    bool from = take_number(&rest, first), colon = *rest == ':';
    rest += colon;
    bool to = colon && take_number(&rest, last), good = (from || to) && !*rest;
    if (!colon)
        *last = *first;
    if (!good || *first < 1 || *last < 1)
        return error_set(error, LMVR_ERROR_INVALID, "--layers takes A:B, A, A: or :B, with blocks counted from 1, not \"%s\"",
                         text);
    if (*first > *last || *last > blocks)
        return error_set(error, LMVR_ERROR_INVALID, "--layers %s: the model's blocks are 1 to %d", text, blocks);
    return LMVR_OK;
}

/* What can be checked before the model is opened, which can take minutes. */
static lmvr_status check_call(struct attend_run *run, lmvr_error *error)
{
    const struct options *o = run->options;
    if (o->input_count != 1)
        return error_set(error, LMVR_ERROR_INVALID, "attend takes one image, not %zu", o->input_count);
    if (!o->output)
        return error_set(error, LMVR_ERROR_INVALID, "no output: -o has to name a folder");
    if (o->words && o->tokens)
        return error_set(error, LMVR_ERROR_INVALID, "--words and --token: only one of them can be given");
    if (o->words)
        TRY(split_list("--words", o->words, run, error));
    if (o->tokens) {
        TRY(split_list("--token", o->tokens, run, error));
        TRY(check_tokens(run, error));
    }
    run->path = o->inputs[0];
    return attend_output_check(o->output, o->force, error);
}

static lmvr_status open_engine(struct attend_run *run, lmvr_error *error)
{
    struct options asked = *run->options;
    lmvr_model_info info;
    char *path;
    asked.session.attention = true;
    if (asked.blocks) {
        TRY(engine_model_path(&asked, &path, error));
        const lmvr_model_options options = {.size = sizeof options, .dtype = asked.dtype, .mmproj = asked.mmproj};
        lmvr_status status = lmvr_model_inspect_with(path, &options, &info, error);
        free(path);
        if (status == LMVR_OK && info.language.blocks > 0) /* a model without language is refused by the session */
            status = parse_blocks(asked.blocks, info.language.blocks, &asked.session.attention_first,
                                  &asked.session.attention_last, error);
        TRY(status);
    }
    return engine_open(&asked, &run->engine, error);
}

/* Pictures are never larger than a screen shows, and the image's own pixels can take half a gigabyte. */
static lmvr_status read_image(struct attend_run *run, lmvr_error *error)
{
    struct image whole;
    TRY(image_read(run->path, &whole, NULL, error));
    run->width = whole.width;
    run->height = whole.height;
    lmvr_status status = picture_fit(&whole, MOST_PIXELS, MOST_PIXELS, false, &run->image, error);
    image_finish(&whole);
    return status;
}

/* ---- words ----------------------------------------------------------------------------------------------------------- */

static lmvr_status add_missing(struct attend_run *run, const char *wanted, const char *why, lmvr_error *error)
{
    run->exit_status = EXIT_SOME_FAILED;
    complain("%s: %s", run->path, why);
    json_t *one = json_pack("{s:s, s:n, s:s}", "word", wanted, "map", "error", why);
    return json_array_append_new(run->missing, one) == 0 ? LMVR_OK : error_no_memory(error, "attend.json");
}

/* A word that does not occur: says so with the response, and with its plural where that occurs. */
static lmvr_status report_word(struct attend_run *run, const lmvr_result *result, const char *wanted, lmvr_error *error)
{
    bool found;
    struct word plural;
    TRY(words_find_plural(result->response, wanted, &found, &plural, error));
    const char *hint = found ? result->response + plural.begin : "";
    int length = found ? (int)(plural.end - plural.begin) : 0;
    char *quote = text_showable(result->response, QUOTED), *why = NULL;
    bool cut = quote && strlen(result->response) > strlen(quote);
    if (!quote || asprintf(&why, "\"%s\" is not in the response%s%.*s%s: \"%s%s\"", wanted, found ? ", but \"" : "", length,
                           hint, found ? "\" is" : "", quote, cut ? " ..." : "") < 0)
        why = NULL;
    free(quote);
    lmvr_status status = why ? add_missing(run, wanted, why, error) : error_no_memory(error, "a response");
    free(why);
    return status;
}

static lmvr_status add_words(struct attend_run *run, const lmvr_result *result, lmvr_error *error)
{
    bool found;
    for (size_t i = 0; i < run->wanted_count; i++) {
        TRY(word_maps_add(&run->maps, result, run->wanted[i], &found, error));
        if (!found)
            TRY(report_word(run, result, run->wanted[i], error));
    }
    return LMVR_OK;
}

static lmvr_status add_tokens(struct attend_run *run, const lmvr_result *result, lmvr_error *error)
{
    for (size_t i = 0; i < run->wanted_count; i++) {
        char label[64];
        lmvr_error why;
        size_t token = strtoul(run->wanted[i], NULL, 10);
        lmvr_status status = word_maps_add_token(&run->maps, result, token, &why);
        snprintf(label, sizeof label, "token %zu", token);
        if (status == LMVR_ERROR_INPUT)
            status = add_missing(run, label, why.message, &why);
        if (status != LMVR_OK)
            return error_set(error, status, "%s", why.message);
    }
    return LMVR_OK;
}

static lmvr_status add_nouns(struct attend_run *run, const lmvr_result *result, lmvr_error *error)
{
    TRY(word_maps_add_noun_like(&run->maps, result, MOST_NOUNS, error));
    if (run->maps.count > 0)
        return LMVR_OK;
    run->exit_status = EXIT_SOME_FAILED;
    complain("%s: no word of the response looks like a noun; --words or --token can name what to show: \"%.500s\"", run->path,
             result->response);
    return LMVR_OK;
}

/* ---- results --------------------------------------------------------------------------------------------------------- */

/* Control characters become spaces, so that a line stays one, and a terminal is left in peace. */
static void print_text(const char *text, char end)
{
    for (const char *c = text; *c; c++)
        putchar((unsigned char)*c < ' ' || *c == 127 ? ' ' : *c);
    putchar(end);
}

static void print_results(const struct attend_output *output)
{
    print_text(output->result->response, '\n');
    for (size_t i = 0; i < output->maps->count; i++) {
        struct heat_peak peak = attend_output_peak(output, i);
        print_text(output->maps->items[i].label, '\t');
        printf("%.4g\trow %d, column %d\tx %.0f, y %.0f\n", (double)peak.weight, peak.row, peak.column, floor(peak.x),
               floor(peak.y));
    }
}

static lmvr_status write_results(struct attend_run *run, const lmvr_result *result, lmvr_error *error)
{
    struct attend_output output = {.folder = run->options->output,
                                   .path = run->path,
                                   .image = &run->image,
                                   .width = run->width,
                                   .height = run->height,
                                   .model = run->engine.model,
                                   .session = run->engine.session,
                                   .result = result,
                                   .maps = &run->maps,
                                   .missing = run->missing};
    json_t *description = attend_output_describe(&output);
    if (!description)
        return error_no_memory(error, "attend.json");
    lmvr_status status = attend_output_write(&output, description, error);
    if (status == LMVR_OK && run->options->json) {
        json_dumpf(description, stdout, JSON_REAL_PRECISION(9));
        putchar('\n');
    } else if (status == LMVR_OK) {
        print_results(&output);
    }
    json_decref(description);
    return status;
}

static lmvr_status show(struct attend_run *run, const lmvr_result *result, lmvr_error *error)
{
    run->missing = json_array();
    if (!run->missing)
        return error_no_memory(error, "attend.json");
    if (run->options->words)
        TRY(add_words(run, result, error));
    else if (run->options->tokens)
        TRY(add_tokens(run, result, error));
    else
        TRY(add_nouns(run, result, error));
    return write_results(run, result, error);
}

static int on_result(const lmvr_result *result, void *user)
{
    struct attend_run *run = user;
    if (result->status == LMVR_OK) {
        run->status = show(run, result, &run->error);
    } else {
        complain("%s", result->error);
        run->exit_status = EXIT_SOME_FAILED;
    }
    return 0;
}

static int compute(struct attend_run *run)
{
    lmvr_error error;
    lmvr_status status = read_image(run, &error);
    if (status == LMVR_ERROR_INPUT) {
        complain("%s", error.message);
        return EXIT_SOME_FAILED;
    }
    lmvr_image image = {.path = run->path};
    if (status == LMVR_OK)
        status = lmvr_embed(run->engine.session, &image, 1, on_result, run, &error);
    if (status == LMVR_OK && run->status != LMVR_OK) {
        status = run->status;
        error = run->error;
    }
    if (status != LMVR_OK) {
        complain("%s", error.message);
        return EXIT_STOPPED;
    }
    return flush_stdout() ? run->exit_status : EXIT_STOPPED;
}

static void finish(struct attend_run *run)
{
    for (size_t i = 0; i < run->wanted_count; i++)
        free(run->wanted[i]);
    free(run->wanted);
    image_finish(&run->image);
    word_maps_finish(&run->maps);
    json_decref(run->missing);
    engine_close(&run->engine);
}

int command_attend(const struct options *options)
{
    lmvr_error error;
    struct attend_run run = {.options = options, .exit_status = EXIT_DONE};
    lmvr_status status = check_call(&run, &error);
    if (status == LMVR_OK)
        status = open_engine(&run, &error);
    int exit_status = status == LMVR_OK ? compute(&run) : cannot(status, &error);
    finish(&run);
    return exit_status;
}
