/* lmvr: turns images into vectors with a multimodal language model. Finds the command and runs it. */
#include "front.h"
#include "lab/dataset/input_list.h"
#include "spin.h"
#include "wrap.h"

#include <stdio.h>
#include <string.h>

#define EXIT_NOTES "Exit status: 0 all done, 1 some inputs failed, 2 nothing could be started, 3 stopped midway."

static const char input_notes[] =
    "Inputs are image files (" IMAGE_KINDS "), folders, which are searched in name order, and @FILE or @- for a list with "
    "one path per line, or, in a .jsonl, one object with \"path\", or a .parquet with a column path or image_path. They may "
    "also "
    "be tars (.tar, .tar.gz or .tgz, which are not unpacked; - is one on standard input), and names with a range, such as "
    "'shard-{000..123}.tar'. An image that cannot be used is reported, and the run continues.\n\n" EXIT_NOTES;
static const char search_notes[] =
    "DIR is a folder that lmvr embed has filled, or FILE.npy. Queries are images, given as inputs of lmvr embed; texts; and "
    "rows "
    "of DIR. Each is embedded as DIR was, so that an image finds itself with a cosine of 1. Prints a line per neighbor: query, "
    "rank, score, row, path and response, separated by tabs.\n\n"
    "Exit status: 0 all done, 1 some queries failed, 2 nothing could be started, 3 stopped midway.";
static const char probe_notes[] =
    "L.csv has a header and one line per row of F.npy; a column \"path\" is not a class. With --index, "
    "lines are matched to rows by path.";
static const char corrupt_notes[] =
    "Types: gaussian_noise shot_noise impulse_noise defocus_blur glass_blur motion_blur zoom_blur snow frost fog brightness "
    "contrast elastic_transform pixelate jpeg_compression; extra: gaussian_blur speckle_noise spatter saturate.\n\n"
    "INPUT x/a.jpg becomes DIR/a.png; a folder keeps its tree below DIR; with more than one type or severity, "
    "DIR/TYPE/SEVERITY/a.png. Randomness depends on the seed and the image's bytes alone.\n\n" EXIT_NOTES;
static const char attend_notes[] = "The image is a " IMAGE_KINDS " file. DIR gets WORD.png for each word, or token-N.png, "
                                   "sheet.png with all of them, maps.npy "
                                   "with the weights, and attend.json.\n\n"
                                   "Exit status: 0 all done, 1 the image cannot be used or a word is not in the response, 2 "
                                   "nothing could be started, 3 stopped "
                                   "midway.";
static const char convert_notes[] =
    "DIR appears when all of it is on the disk. A converted model opens in its own type, and gives the results of the original "
    "opened in it.\n\n"
    "Exit status: 0 done, 2 nothing could be started, 3 stopped midway, with nothing left.";
static const char serve_notes[] =
    "POST /v1/embeddings and /v1/chat/completions, GET /v1/models, /health, /metrics and /openapi.json, which describes them. "
    "SIGTERM and SIGINT let running requests end.\n\n"
    "Exit status: 0 ended by a signal, 2 nothing could be started.";
static const char train_notes[] =
    "DIR gets the model (a Hugging Face folder), loss.csv, loss.svg, checkpoints/ and run.json. An interrupted run continues "
    "with "
    "--resume, to the same bits.\n\n"
    "Exit status: 0 all done, 1 done, but some samples could not be used, 2 nothing could be started, 3 stopped midway.";

static const struct command commands[] = {
    {"embed", "embed [options] -o PLACE INPUT...", "Turns images into vectors.", FOR_EMBED, command_embed, input_notes},
    {"merge", "merge DIR", "Checks that results in parts are whole, and says what is missing.", FOR_MERGE, command_merge,
     "DIR is what lmvr embed --shard or --rows-per-part, or lmvr embed of tars, has written. Exit status: 0 every input is "
     "there "
     "once, 1 parts are missing or damaged, 2 DIR holds no results in parts."},
    {"describe", "describe [options] INPUT...", "Prints each image's path and the model's response, separated by a tab.",
     FOR_DESCRIBE, command_describe, input_notes},
    {"search", "search [options] DIR [QUERY...]", "Finds the nearest neighbors of images or texts in what embed has written.",
     FOR_SEARCH, command_search, search_notes},
    {"corrupt", "corrupt [options] --type NAME --severity N -o DIR INPUT...", "Applies ImageNet-C's corruptions to images.",
     FOR_CORRUPT, command_corrupt, corrupt_notes},
    {"attend", "attend [options] -o DIR IMAGE", "Shows where the model looks when it chooses each word.", FOR_ATTEND,
     command_attend, attend_notes},
    {"scenes", NULL, "Draws data sets of images with known contents.", FOR_SCENES, NULL, NULL},
    {"serve", "serve [options]", "Answers requests for vectors and responses by HTTP, as OpenAI's API has them.", FOR_SERVE,
     command_serve, serve_notes},
    {"info", "info [options]", "Prints a model's architecture, size and memory needs.", FOR_INFO, command_info, NULL},
    {"convert", "convert [options] --dtype TYPE -o PLACE", "Saves a model with its weights in another data type.", FOR_CONVERT,
     command_convert, convert_notes},
    {"bench", "bench [options]", "Measures speed against this machine's own limits.", FOR_BENCH, command_bench, NULL},
    {"eval", "eval EXPERIMENT [options] --data PATH -o REPORT",
     "Runs the paper's experiments, and one more: design, components, domain-shift, corruption, attributes, zero-shot.",
     FOR_EVAL, command_eval,
     "Run the same command again to continue an interrupted run.\n\n"
     "Exit status: 0 all done, 1 some images failed, 2 nothing could be started, 3 stopped midway."},
    {"probe fit", "probe fit [options] --features F.npy --labels L.csv -o P.safetensors",
     "Fits a linear probe to features and labels.", FOR_PROBE_FIT, command_probe_fit, probe_notes},
    {"probe score", "probe score [options] -p P.safetensors --features F.npy --labels L.csv",
     "Evaluates a probe: loss, average precision, accuracy.", FOR_PROBE_SCORE, command_probe_score, probe_notes},
    {"probe predict", "probe predict [options] -p P.safetensors --features F.npy -o S.npy", "Writes a probe's probabilities.",
     FOR_PROBE_PREDICT, command_probe_predict, NULL},
    {"train contrastive", "train contrastive (--config FILE | -m DIR) --data FILE -o DIR",
     "Trains a CLIP on images and captions.", FOR_TRAIN_CONTRASTIVE, command_train_contrastive, train_notes},
    {"train language", "train language (--config FILE | -m DIR) --data FILE -o DIR", "Trains a LLaMA or a T5 on text.",
     FOR_TRAIN_LANGUAGE, command_train_language, train_notes},
    {"train align", "train align --vision DIR --language DIR --data FILE -o DIR",
     "LLaVA's stage 1: trains the projector between a CLIP and a LLaMA.", FOR_TRAIN_ALIGN, command_train_align, train_notes},
    {"train instruct", "train instruct -m DIR --data FILE -o DIR",
     "Trains the language model, and a LLaVA's projector (its stage 2), on conversations.", FOR_TRAIN_INSTRUCT,
     command_train_instruct, train_notes},
    {"train finetune", "train finetune -m DIR --dataset NAME --data PATH -o DIR",
     "Fine-tunes a LLaVA's representation on a labelled data set.", FOR_TRAIN_FINETUNE, command_train_finetune, train_notes},
    {"train qformer", "train qformer (--vision DIR --config FILE | -m DIR) --data FILE -o DIR",
     "BLIP-2's stage 1: trains the Q-Former on images and captions.", FOR_TRAIN_QFORMER, command_train_qformer, train_notes},
    {"train qformer-language", "train qformer-language -m DIR [--language DIR] --data FILE -o DIR",
     "BLIP-2's stage 2: trains the Q-Former in front of a frozen T5.", FOR_TRAIN_QFORMER_LANGUAGE,
     command_train_qformer_language, train_notes},
};
#define COMMANDS       (sizeof commands / sizeof *commands)
#define SUMMARY_COLUMN 26 /* in the lists of commands */

static int print_help(void)
{
    printf("Usage: lmvr COMMAND [options] [inputs]\n\n"
           "Turns images into vectors and words with a multimodal language model.\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        wrap_print(commands[i].summary, printf("  %s", commands[i].name), SUMMARY_COLUMN);
    printf("\nlmvr COMMAND --help explains a command; lmvr --version prints the version.\n");
    return flush_stdout() ? EXIT_DONE : EXIT_STOPPED;
}

static int print_version(void)
{
    printf("lmvr %s\n", lmvr_version());
    return flush_stdout() ? EXIT_DONE : EXIT_STOPPED;
}

/* How many arguments, from argv[1] on, form the command's name, such as "probe fit"; 0: they do not. */
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

/* "lmvr probe" and "lmvr probe --help": lists the commands that begin with that word, if there are any. */
static bool explain_words(int argc, char **argv, int *status)
{
    size_t length = strlen(argv[1]), found = 0;
    bool help = argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0);
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strncmp(commands[i].name, argv[1], length) != 0 || commands[i].name[length] != ' ')
            continue;
        if (help) {
            fputs(found ? "" : "Usage: lmvr COMMAND [options]\n\n", stdout);
            wrap_print(commands[i].summary, printf("  %s", commands[i].name), SUMMARY_COLUMN);
        }
        found++;
    }
    if (help && found)
        *status = flush_stdout() ? EXIT_DONE : EXIT_STOPPED;
    else if (found)
        complain("%s needs another word; see lmvr %s --help", argv[1], argv[1]);
    return found > 0;
}

int main(int argc, char **argv)
{
    front_begin();
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
        if (!words)
            continue;
        if (commands[i].run)
            spin_briefly(argv, commands[i].bit == FOR_SERVE);
        return front_run(&commands[i], argc - words, argv + words);
    }
    int status = EXIT_CANNOT;
    if (!explain_words(argc, argv, &status))
        complain("there is no command \"%s\"; see lmvr --help", argv[1]);
    return status;
}
