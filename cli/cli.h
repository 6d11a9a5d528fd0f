/* Shared by the commands: exit statuses, error messages, and standard output. */
#ifndef LMVR_CLI_CLI_H
#define LMVR_CLI_CLI_H

#include "lmvr.h"
#include "options.h"

enum {
    EXIT_DONE = 0,
    EXIT_SOME_FAILED = 1, /* some inputs, or all; finished results are kept */
    EXIT_CANNOT = 2,      /* the arguments, the model or the output place cannot be used; nothing was written */
    EXIT_STOPPED = 3      /* midway; what was written is complete */
};

/* Prints "lmvr COMMAND: sentence" to standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints the error and returns the exit status for a failure before anything was written. */
int cannot(lmvr_status status, const lmvr_error *error);

/* Prints a column of a line to standard output, and `end`: control characters become spaces, so that a line stays one and
 * terminals are not disturbed. */
void print_column(const char *text, char end);

/* Flushes standard output; on failure, prints an error and returns false. */
bool flush_stdout(void);

int command_embed(const struct options *options);
int command_merge(const struct options *options);
int command_describe(const struct options *options);
int command_search(const struct options *options);
int command_info(const struct options *options);
int command_convert(const struct options *options);
int command_corrupt(const struct options *options);
int command_attend(const struct options *options);
int command_serve(const struct options *options);
int command_bench(const struct options *options);
int command_eval(const struct options *options);
int command_probe_fit(const struct options *options);
int command_probe_score(const struct options *options);
int command_probe_predict(const struct options *options);
int command_train_contrastive(const struct options *options);
int command_train_language(const struct options *options);
int command_train_align(const struct options *options);
int command_train_instruct(const struct options *options);
int command_train_finetune(const struct options *options);
int command_train_qformer(const struct options *options);
int command_train_qformer_language(const struct options *options);

#endif
