/* The options of every command, in one table from which they are parsed and their help is printed. */
#ifndef LMVR_CLI_OPTIONS_H
#define LMVR_CLI_OPTIONS_H

#include "lmvr.h"

struct options;

/* A command is a bit, so that a row of the table can belong to several. */
enum { FOR_EMBED = 1, FOR_DESCRIBE = 2, FOR_INFO = 4, FOR_BENCH = 8, FOR_SCENES = 1 << 12 };

struct command {
    const char *name, *synopsis, *summary;
    unsigned bit;
    int (*run)(const struct options *options);
    const char *notes; /* printed at the end of its help */
};

struct options {
    const char *model; /* NULL: the one that ships */
    lmvr_dtype dtype;
    lmvr_session_options session;
    const char **features; /* session.features, to be freed */
    double temperature, top_p;
    const char *output;
    const char *shape; /* of the bench's random model */
    int layers;
    bool resume, force, strict, quiet, json, quick;
    int scenes_layout, scenes_count, scenes_test_count, scenes_size; /* 0: left out */
    char *const *inputs;
    size_t input_count;
};

/* Parses argv[1..]; argv[0] is the command's name. Returns true to go on; false with *exit_status set after --help, or after a
 * complaint. options_finish() is due in either case. */
bool options_parse(const struct command *command, int argc, char **argv, struct options *options, int *exit_status);
void options_finish(struct options *options);

#endif
