#include "options.h"

#include "cli.h"
#include "option_table.h"
#include "wrap.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- help ---- */

#define HELP_COLUMN 26 /* column of the explanations */

/* Copies a help text; of "default: {a|b|...}", only this train command's default. */
static void choose_default(const char *help, unsigned command, char *text, size_t size)
{
    static const char mark[] = "default: {";
    const char *found = strstr(help, mark);
    if (!found) {
        snprintf(text, size, "%s", help);
        return;
    }
    const char *open = found + sizeof mark - 2, *part = open + 1, *close = strchr(part, '}');
    for (unsigned bit = FOR_TRAIN_CONTRASTIVE; bit < command; bit <<= 1)
        part += strcspn(part, "|}") + 1;
    snprintf(text, size, "%.*s%.*s%s", (int)(open - help), help, (int)strcspn(part, "|}"), part, close + 1);
}

static void print_option(const struct option_row *r, unsigned command)
{
    char left[96], help[512];
    int length = snprintf(left, sizeof left, "  %c%c%c --%s%s%s", r->letter ? '-' : ' ', r->letter ? r->letter : ' ',
                          r->letter ? ',' : ' ', r->name, r->value ? " " : "", r->value ? r->value : "");
    choose_default(r->help, command, help, sizeof help);
    fputs(left, stdout);
    if (length > HELP_COLUMN - 2)
        putchar('\n');
    wrap_print(help, length > HELP_COLUMN - 2 ? 0 : length, HELP_COLUMN);
}

static void print_help(const struct command *command)
{
    printf("Usage: lmvr ");
    wrap_print(command->synopsis, 12, 12);
    putchar('\n');
    wrap_print(command->summary, 0, 0);
    putchar('\n');
    for (size_t i = 0; i < option_count; i++)
        if (option_table[i].commands & command->bit)
            print_option(&option_table[i], command->bit);
    if (command->notes) {
        putchar('\n');
        wrap_print(command->notes, 0, 0);
    }
}

/* ---- values ---- */

static bool begins_like_number(const char *text)
{
    text += *text == '-';
    return (*text >= '0' && *text <= '9') || (*text == '.' && text[1] >= '0' && text[1] <= '9');
}

static bool set_real(const struct option_row *r, const char *text, void *member)
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

/* Stores an int or a seed. Seeds end where the integers of JSON readers do. */
static bool set_integer(const struct option_row *r, const char *text, void *member)
{
    char *end;
    long long most = r->most < 0x1p63 ? (long long)r->most : INT64_MAX;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (!begins_like_number(text) || *end || errno || value < (long long)r->least || value > most) {
        complain("--%s takes an integer from %.0f to %lld, not \"%s\"", r->name, r->least, most, text);
        return false;
    }
    if (r->kind == OPTION_SEED)
        *(uint64_t *)member = (uint64_t)value;
    else
        *(int *)member = (int)value;
    return true;
}

/* An enumeration's values are positions in "a|b|c", counted from 1; 0 is the default. */
static bool set_choice(const struct option_row *r, const char *text, void *member)
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

static bool is_utf8(const char *text)
{
    json_t *string = json_string(text); /* takes nothing else */
    json_decref(string);
    return string != NULL;
}

static bool set_value(const struct option_row *r, const char *text, struct options *o)
{
    void *member = (char *)o + r->offset;
    switch (r->kind) {
    case OPTION_FLAG:
        *(bool *)member = true;
        return true;
    case OPTION_INTEGER:
    case OPTION_SEED:
        return set_integer(r, text, member);
    case OPTION_REAL:
        return set_real(r, text, member);
    case OPTION_CHOICE:
        return set_choice(r, text, member);
    case OPTION_PATH:
        *(const char **)member = text;
        return true;
    case OPTION_MODEL:
        o->models[o->model_count++] = text;
        return true;
    case OPTION_QUERY:
        o->queries[o->query_count++] = (struct query_option){(enum query_kind)(int)r->least, text};
        return true;
    case OPTION_TEXT:
    case OPTION_FEATURE:
        break;
    }
    if (!is_utf8(text)) {
        complain("--%s is not UTF-8", r->name);
        return false;
    }
    if (r->kind == OPTION_FEATURE)
        o->features[o->session.feature_count++] = text;
    else
        *(const char **)member = text;
    return true;
}

/* ---- parsing ---- */

/* Builds getopt's two descriptions of the command's options; an option's value for getopt is its row in the table plus 256. */
static void describe_options(const struct command *command, struct option *longs, char *shorts)
{
    *shorts++ = ':'; /* distinguish a missing value from an unknown option */
    for (size_t i = 0; i < option_count; i++) {
        const struct option_row *r = &option_table[i];
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

/* Searches the command's own options: letters have different meanings in different commands. */
static const struct option_row *find_row(int value, const struct command *command)
{
    if (value >= 256)
        return &option_table[value - 256];
    for (size_t i = 0; i < option_count; i++)
        if (option_table[i].letter == value && (option_table[i].commands & command->bit))
            return &option_table[i];
    return NULL;
}

/* Whether a word such as "--te", or "--te=x", is a prefix of an option of the command. */
static bool begins_some(const struct command *command, const char *word)
{
    for (size_t i = 0; i < option_count; i++)
        if ((option_table[i].commands & command->bit) && strncmp(option_table[i].name, word + 2, strcspn(word + 2, "=")) == 0)
            return true;
    return false;
}

/* Reports what getopt rejected: `value` is its '?' or ':'. */
static void complain_about_option(int value, const struct command *command, const char *word)
{
    const struct option_row *r = optopt ? find_row(optopt, command) : NULL;
    if (value == ':' && r)
        complain("--%s needs a value, %s; see lmvr %s --help", r->name, r->value, command->name);
    else if (r && optopt >= 256)
        complain("--%s takes no value; see lmvr %s --help", r->name, command->name);
    else if (optopt)
        complain("there is no option -%c; see lmvr %s --help", optopt, command->name);
    else
        complain(begins_some(command, word) ? "%.*s is ambiguous; see lmvr %s --help"
                                            : "there is no option %.*s; see lmvr %s --help",
                 (int)strcspn(word, "="), word, command->name);
}

static bool parse_options(const struct command *command, int argc, char **argv, struct options *o, int *exit_status)
{
    struct option longs[OPTION_MOST_ROWS + 1];
    char shorts[2 * OPTION_MOST_ROWS + 2];
    int value;
    describe_options(command, longs, shorts);
    opterr = 0;
    while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (value == '?' || value == ':') {
            complain_about_option(value, command, argv[optind - 1]);
            return false;
        }
        const struct option_row *r = find_row(value, command);
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
    *options = (struct options){.temperature = NAN, .top_p = NAN, .c = NAN, .angle = NAN, .size = -1};
    options->train = (struct train_numbers){.keep = -1,
                                            .validate_every = -1,
                                            .checkpoint_every = -1,
                                            .validation_batches = -1,
                                            .epochs = NAN,
                                            .learning_rate = NAN,
                                            .weight_decay = NAN,
                                            .beta2 = NAN,
                                            .warmup = NAN,
                                            .clip = NAN,
                                            .lora_alpha = NAN,
                                            .prompted = NAN,
                                            .checkpoint_minutes = NAN};
    lmvr_session_options_default(&options->session);
    server_options_default(&options->server);
    *exit_status = EXIT_CANNOT;
    options->features = calloc((size_t)argc, sizeof *options->features);
    options->models = calloc((size_t)argc, sizeof *options->models);
    options->queries = calloc((size_t)argc, sizeof *options->queries);
    if (!options->features || !options->models || !options->queries) {
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
    free(options->models);
    free(options->queries);
    options->features = options->models = NULL;
    options->queries = NULL;
}
