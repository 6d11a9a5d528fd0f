/* lmvr: images to vectors with a multimodal language model. Finds the command and hands over. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char input_notes[] =
    "Inputs are image files (JPEG, PNG or WebP), folders, which are searched in name order, and @FILE or @- for a list with a\n"
    "path a line. An image that cannot be used is reported and stops nothing.\n\n"
    "Exit status: 0 all done, 1 some inputs failed, 2 nothing could be begun, 3 stopped midway.";

static const struct command commands[] = {
    {"embed", "embed [options] -o PLACE INPUT...", "Turns images into vectors.", FOR_EMBED, command_embed, input_notes},
    {"describe", "describe [options] INPUT...", "Prints the path and the model's response for each image, a tab between them.",
     FOR_DESCRIBE, command_describe, input_notes},
    {"info", "info [options]", "Prints what a model is and what memory it takes.", FOR_INFO, command_info, NULL},
    {"bench", "bench [options]", "Measures speed against this machine's own limits.", FOR_BENCH, command_bench, NULL},
    {"scenes", "scenes --layout NAME --count N [options] -o DIR", "Draws data sets of pictures with known contents.",
     FOR_SCENES, command_scenes,
     "Exit status: 0 all done, 2 nothing could be begun, 3 stopped midway; --force begins anew then."},
};
#define COMMANDS (sizeof commands / sizeof *commands)

static const char *command_name;

void complain(const char *format, ...)
{
    va_list args;
    char sentence[2048];
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    for (char *c = sentence; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
    fprintf(stderr, "lmvr%s%s: %s\n", command_name ? " " : "", command_name ? command_name : "", sentence);
}

int cannot(lmvr_status status, const lmvr_error *error)
{
    complain("%s", error->message);
    return status == LMVR_ERROR_RESOURCE ? EXIT_STOPPED : EXIT_CANNOT;
}

bool flush_stdout(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    complain("cannot write to standard output: %s", strerror(errno));
    return false;
}

static int print_help(void)
{
    printf("Usage: lmvr COMMAND [options] [inputs]\n\n"
           "Turns images into vectors and words with a multimodal language model.\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    printf("\nlmvr COMMAND --help says more about a command; lmvr --version prints the version.\n");
    return flush_stdout() ? EXIT_DONE : EXIT_STOPPED;
}

static int print_version(void)
{
    printf("lmvr %s\n", lmvr_version());
    return flush_stdout() ? EXIT_DONE : EXIT_STOPPED;
}

/* A standard stream that the caller closed would be the next file that is opened, and an output be mixed into results. They are
 * opened the wrong way round, so that using one fails as it should. */
static void hold_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
            return;
}

/* How many arguments, from argv[1] on, make up a command's name, such as "probe fit"; 0 where they do not. */
static int matching_words(const char *name, int argc, char **argv)
{
    for (int words = 1; words < argc; words++) {
        size_t length = strlen(argv[words]);
        if (strncmp(name, argv[words], length) != 0)
            return 0;
        if (name[length] == '\0')
            return words;
        if (name[length] != ' ')
            return 0;
        name += length + 1;
    }
    return 0;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct options options;
    int status;
    command_name = command->name;
    if (options_parse(command, argc, argv, &options, &status))
        status = command->run(&options);
    options_finish(&options);
    return status;
}

int main(int argc, char **argv)
{
    hold_standard_streams();
    /* Errors of write() say more than a death by signal: a closed pipe, a limit on the size of files. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    if (argc < 2) {
        complain("a command is missing; see lmvr --help");
        return EXIT_CANNOT;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return print_help();
    if (strcmp(argv[1], "--version") == 0)
        return print_version();
    for (size_t i = 0; i < COMMANDS; i++) {
        int words = matching_words(commands[i].name, argc, argv);
        if (words)
            return run(&commands[i], argc - words, argv + words);
    }
    complain("there is no command \"%s\"; see lmvr --help", argv[1]);
    return EXIT_CANNOT;
}
