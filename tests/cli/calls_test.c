/* Calls that cannot be carried out: one message, exit status 2, nothing written; and the help. */
#include "program.h"

static void test_help(void **state)
{
    (void)state;
    static const char *const commands[] = {"embed", "describe", "attend", "info"};
    assert_ended(lmvr("--help"), 0, NULL);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        assert_non_null(strstr(run_done.out, commands[i]));
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char usage[64];
        assert_ended(lmvr("%s --help", commands[i]), 0, NULL);
        snprintf(usage, sizeof usage, "Usage: lmvr %s ", commands[i]);
        assert_ptr_equal(strstr(run_done.out, usage), run_done.out);
        assert_non_null(strstr(run_done.out, "  -m, --model PATH"));
    }
    assert_ended(lmvr("embed -h --nonsense"), 0, NULL);
}

static void assert_80_columns(const char *command)
{
    for (const char *line = run_done.out; *line; line += strcspn(line, "\n") + 1)
        if (strcspn(line, "\n") > 80)
            fail_msg("lmvr %s --help: %.*s", command, (int)strcspn(line, "\n"), line);
}

/* The commands that the program itself lists. */
static void test_every_help_fits_80_columns(void **state)
{
    (void)state;
    int commands = 0;
    assert_ended(lmvr("--help"), 0, NULL);
    assert_80_columns("");
    char *list = strdup(run_done.out), *save = NULL;
    assert_non_null(list);
    for (char *line = strtok_r(list, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *end = strstr(line + 2, "  ");
        if (strncmp(line, "  ", 2) != 0 || line[2] == ' ' || !end)
            continue;
        *end = '\0';
        assert_ended(lmvr("%s --help", line + 2), 0, NULL);
        assert_80_columns(line + 2);
        assert_non_null(strstr(run_done.out, "  -h, --help"));
        assert_null(strstr(run_done.out, "default: {"));
        commands++;
    }
    free(list);
    assert_int_equal(commands, 22);
    assert_ended(lmvr("train --help"), 0, NULL);
    assert_80_columns("train");
}

static void test_version(void **state)
{
    (void)state;
    assert_ended(lmvr("--version"), 0, NULL);
    assert_string_equal(run_done.out, "lmvr 0.1.0\n");
}

static const struct {
    const char *call, *sentence;
} wrong[] = {
    {"", "lmvr: a command is missing; see lmvr --help\n"},
    {"embedd", "lmvr: there is no command \"embedd\"; see lmvr --help\n"},
    {"--nonsense", "lmvr: there is no command \"--nonsense\"; see lmvr --help\n"},
    {"embed --nonsense", "lmvr embed: there is no option --nonsense; see lmvr embed --help\n"},
    {"embed --nonsense=3", "lmvr embed: there is no option --nonsense; see lmvr embed --help\n"},
    {"embed --te x", "lmvr embed: --te is ambiguous; see lmvr embed --help\n"},
    {"embed -z", "lmvr embed: there is no option -z; see lmvr embed --help\n"},
    {"describe --resume", "lmvr describe: there is no option --resume; see lmvr describe --help\n"},
    {"info --batch 3", "lmvr info: there is no option --batch; see lmvr info --help\n"},
    {"embed a.jpg -o", "lmvr embed: --output needs a value, PLACE; see lmvr embed --help\n"},
    {"embed --batch", "lmvr embed: --batch needs a value, N; see lmvr embed --help\n"},
    {"embed --resume=yes", "lmvr embed: --resume takes no value; see lmvr embed --help\n"},
    {"embed --batch 0", "lmvr embed: --batch takes an integer from 1 to 4096, not \"0\"\n"},
    {"embed --batch 1x", "lmvr embed: --batch takes an integer from 1 to 4096, not \"1x\"\n"},
    {"embed --batch %201", "lmvr embed: --batch takes an integer from 1 to 4096, not \" 1\"\n"},
    {"embed --batch=", "lmvr embed: --batch takes an integer from 1 to 4096, not \"\"\n"},
    {"embed --batch 1.5", "lmvr embed: --batch takes an integer from 1 to 4096, not \"1.5\"\n"},
    {"embed --threads -1", "lmvr embed: --threads takes an integer from 1 to 4096, not \"-1\"\n"},
    {"embed --threads 99999999999999999999",
     "lmvr embed: --threads takes an integer from 1 to 4096, not \"99999999999999999999\"\n"},
    {"embed --max-new-tokens 0", "lmvr embed: --max-new-tokens takes an integer from 1 to 1048576, not \"0\"\n"},
    {"embed --seed -1", "lmvr embed: --seed takes an integer from 0 to 9223372036854775807, not \"-1\"\n"},
    {"embed --seed 9223372036854775808",
     "lmvr embed: --seed takes an integer from 0 to 9223372036854775807, not \"9223372036854775808\"\n"},
    {"embed --seed 99999999999999999999",
     "lmvr embed: --seed takes an integer from 0 to 9223372036854775807, not \"99999999999999999999\"\n"},
    {"embed --temperature nan", "lmvr embed: --temperature takes a number from 0 to 100, not \"nan\"\n"},
    {"embed --temperature 0x1", "lmvr embed: --temperature takes a number from 0 to 100, not \"0x1\"\n"},
    {"embed --temperature -0.1", "lmvr embed: --temperature takes a number from 0 to 100, not \"-0.1\"\n"},
    {"embed --temperature 1e999", "lmvr embed: --temperature takes a number from 0 to 100, not \"1e999\"\n"},
    {"embed --top-p 1.1", "lmvr embed: --top-p takes a number from 1e-06 to 1, not \"1.1\"\n"},
    {"embed --aspect round", "lmvr embed: --aspect takes crop|pad|stretch, not \"round\"\n"},
    {"embed --aspect cro", "lmvr embed: --aspect takes crop|pad|stretch, not \"cro\"\n"},
    {"embed --dtype f16", "lmvr embed: --dtype takes f32|bf16|int8|int4, not \"f16\"\n"},
    {"embed --prompt \xff", "lmvr embed: --prompt is not UTF-8\n"},
    {"embed -f \xff", "lmvr embed: --feature is not UTF-8\n"},
    {"embed -m m a.jpg", "lmvr embed: no output: -o has to name a folder, or a file that ends in .npy\n"},
    {"embed -m m -o out", "lmvr embed: no inputs: image files, folders or @LIST are expected\n"},
    {"embed -m m -o out --resume --force a.jpg",
     "lmvr embed: --resume keeps what --force removes: only one of them can be given\n"},
    {"embed -m m -o out.npy -f llm -f pixels a.jpg",
     "lmvr embed: out.npy: a single file holds one feature, not 2; name a folder instead\n"},
    {"embed -m m -o out -f nonsense a.jpg", "lmvr embed: feature \"nonsense\": there is no such source\n"},
    {"embed -m m -o out -f llm -f llm a.jpg", "lmvr embed: two features have the name \"llm\"\n"},
    {"embed -m m -o out -f ../x=llm a.jpg",
     "lmvr embed: feature name \"../x\" cannot be used as a file name: it begins with a period\n"},
    {"embed -m m -o out -f index=llm a.jpg",
     "lmvr embed: feature name \"index\" cannot be used as a file name: it is the name of another output file\n"},
    {"embed -m none -o out a.jpg", "lmvr embed: none: not a model\n"},
    {"embed -o out a.jpg",
     "lmvr embed: no model: none came with this program, so -m has to name a Hugging Face folder or a GGUF file\n"},
    {"embed -m m -o a.jpg a.jpg", "lmvr embed: a.jpg: not a folder, so no output can be written there\n"},
    {"embed -m m -o a.jpg/x a.jpg", "lmvr embed: a.jpg/x: cannot be used for output: Not a directory\n"},
    {"embed -m m -o a.jpg/x.npy a.jpg", "lmvr embed: a.jpg: not a folder, so no output can be written there\n"},
    {"embed -m m -o /proc/none a.jpg", "lmvr embed: /proc/none: cannot make the folder: No such file or directory\n"},
    {"embed -m m -o %20 @none", "lmvr embed: none: cannot be read: No such file or directory\n"},
    {"embed -m m -o out @.", "lmvr embed: .: cannot be read: Is a directory\n"},
    {"embed -m m -o out empty", "lmvr embed: no images: there is none in empty\n"},
    {"embed -m m -o out empty @-", "lmvr embed: no images: there is none in empty and the other inputs\n"},
    {"describe -m m", "lmvr describe: no inputs: image files, folders or @LIST are expected\n"},
    {"describe -m none a.jpg", "lmvr describe: none: not a model\n"},
    {"embed -m m --mmproj p -o out a.jpg", "lmvr embed: m with p\n"},
    {"describe -m m --mmproj p a.jpg", "lmvr describe: m with p\n"},
    {"attend -m m --mmproj p -o out a.jpg", "lmvr attend: m with p\n"},
    {"attend -m m --mmproj p -o out --layers 1:2 a.jpg", "lmvr attend: m with p\n"},
    {"info -m m --mmproj p", "lmvr info: m with p\n"},
    {"eval -m m -m n --mmproj p --data . -o out corruption",
     "lmvr eval: --mmproj goes with one -m; give a folder with both files for each of several\n"},
    {"info -m none", "lmvr info: none: not a model\n"},
    {"info -m none --json", "lmvr info: none: not a model\n"},
    {"info m", "lmvr info: takes no inputs, so not \"m\"; -m names the model\n"},
    {"convert -m m -o out --dtype f64", "lmvr convert: --dtype takes f32|bf16|int8|int4|f16, not \"f64\"\n"},
    {"convert -m m --dtype int8", "lmvr convert: no output: -o has to name a folder or a .gguf file\n"},
    {"convert -m m -o out", "lmvr convert: no type: --dtype has to say how the weights are stored\n"},
    {"convert --dtype int8 -o out m", "lmvr convert: takes no inputs, so not \"m\"; -m names the model\n"},
    {"convert -m none --dtype int8 -o out", "lmvr convert: none: not a model\n"},
    {"convert -m m --mmproj p --dtype int8 -o out", "lmvr convert: m with p\n"},
};

static void test_wrong_calls(void **state)
{
    (void)state;
    write_image("a.jpg", "a");
    assert_int_equal(mkdir("empty", 0777), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const struct program_run *run = lmvr("%s", wrong[i].call);
        if (run->status != 2 || strcmp(run->err, wrong[i].sentence) != 0)
            fail_msg("lmvr %s ended with %d and: %s", wrong[i].call, run->status, run->err);
        assert_string_equal(run->out, "");
        assert_false(exists("out"));
        assert_false(exists("out.npy"));
        assert_false(exists(" "));
    }
}

static void test_unwritable_folder(void **state)
{
    (void)state;
    write_image("a.jpg", "a");
    assert_int_equal(mkdir("closed", 0555), 0);
    setting.obeys_modes = true;
    assert_ended(lmvr("embed -m m -o closed a.jpg"), 2, "closed: cannot be written to: Permission denied");
    setting.obeys_modes = true;
    assert_ended(lmvr("embed -m m -o closed/out a.jpg"), 2, "closed: cannot be written to: Permission denied");
    setting.obeys_modes = true;
    assert_ended(lmvr("embed -m m -o closed/x.npy a.jpg"), 2, "closed: cannot be written to: Permission denied");
}

/* A closed or full standard output is noticed, and never mixed into a file. */
static void test_standard_output(void **state)
{
    (void)state;
    setting.out = "/dev/full";
    assert_ended(lmvr("--help"), 3, "cannot write to standard output: No space left on device");
    setting.out = "/dev/full";
    assert_ended(lmvr("embed --help"), 3, "cannot write to standard output: No space left on device");
    setting.out = "/dev/full";
    assert_ended(lmvr("--version"), 3, "cannot write to standard output: No space left on device");
    setting.out = "/dev/full";
    assert_ended(lmvr("info -m m"), 3, "cannot write to standard output: No space left on device");
    setting.without_standard = true;
    assert_int_equal(lmvr("--version")->status, 3);
    write_image("a.jpg", "a");
    write_text("bad.jpg", "a");
    assert_ended(lmvr("embed -m m -o whole a.jpg bad.jpg"), 1, "");
    setting.without_standard = true;
    assert_int_equal(lmvr("embed -m m -o out a.jpg bad.jpg")->status, 1);
    assert_same_file("out/run.json", "whole/run.json");
    assert_same_file("out/index.jsonl", "whole/index.jsonl");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder_with_model, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_help),        IN_FOLDER(test_every_help_fits_80_columns), IN_FOLDER(test_version),
        IN_FOLDER(test_wrong_calls), IN_FOLDER(test_unwritable_folder),          IN_FOLDER(test_standard_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
