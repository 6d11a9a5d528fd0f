/* State dicts as torch.save() would pickle them if it were wrong: each tensor is checked against its storage. */
#include "format/torch_state.h"
#include "scratch.h"

static lmvr_error error;

/* A pickle in the making. */
struct writer {
    unsigned char bytes[1 << 14];
    size_t size;
};

static void put(struct writer *w, const void *bytes, size_t size)
{
    assert_true(size <= sizeof w->bytes - w->size);
    memcpy(w->bytes + w->size, bytes, size);
    w->size += size;
}

#define PUT(w, literal) put(w, literal, sizeof(literal) - 1)

static void put_text(struct writer *w, const char *text)
{
    uint32_t size = (uint32_t)strlen(text);
    PUT(w, "X");
    put(w, &size, sizeof size);
    put(w, text, size);
}

static void put_number(struct writer *w, int64_t number)
{
    PUT(w, "\x8a\x8"); /* LONG1 */
    put(w, &number, sizeof number);
}

static void put_global(struct writer *w, const char *module, const char *name)
{
    char lines[200];
    put(w, lines, (size_t)snprintf(lines, sizeof lines, "c%s\n%s\n", module, name));
}

static void put_tuple(struct writer *w, const int64_t *numbers, int count)
{
    PUT(w, "(");
    for (int i = 0; i < count; i++)
        put_number(w, numbers[i]);
    PUT(w, "t");
}

struct made {
    const char *name, *type, *function;
    int64_t elements, offset;
    int dims, strides;
    int64_t shape[16], stride[16];
    const char *after; /* opcodes of one value behind the storage's description; NULL: none */
};

/* Six floats as (2, 3). */
static const struct made good = {.name = "w",
                                 .type = "FloatStorage",
                                 .function = "_rebuild_tensor_v2",
                                 .elements = 6,
                                 .dims = 2,
                                 .strides = 2,
                                 .shape = {2, 3},
                                 .stride = {3, 1}};

static void put_tensor(struct writer *w, const struct made *made)
{
    put_text(w, made->name);
    put_global(w, "torch._utils", made->function);
    PUT(w, "((");
    put_text(w, "storage");
    put_global(w, "torch", made->type);
    put_text(w, "0");
    put_text(w, "cpu");
    put_number(w, made->elements);
    if (made->after)
        put(w, made->after, strlen(made->after));
    PUT(w, "tQ");
    put_number(w, made->offset);
    put_tuple(w, made->shape, made->dims);
    put_tuple(w, made->stride, made->strides);
    PUT(w, "\x89}tR"); /* no gradient, no hooks */
}

static lmvr_status read_tensors(const struct made *tensors, size_t count, struct torch_state *state)
{
    struct writer w = {.size = 0};
    struct pickle *pickle;
    size_t used;
    PUT(&w, "\x80\2}(");
    for (size_t i = 0; i < count; i++)
        put_tensor(&w, &tensors[i]);
    PUT(&w, "u.");
    if (pickle_read("x", w.bytes, w.size, torch_globals, torch_global_count, &pickle, &used, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    lmvr_status status = torch_state_read("x", pickle, state, &error);
    pickle_free(pickle);
    return status;
}

static void assert_refused(struct made made, const char *part)
{
    struct torch_state state;
    assert_int_equal(read_tensors(&made, 1, &state), LMVR_ERROR_INVALID);
    assert_int_equal(state.count, 0);
    if (!strstr(error.message, part))
        fail_msg("\"%s\" does not contain \"%s\"", error.message, part);
}

static void tensors_are_listed_by_name(void **state)
{
    (void)state;
    struct made made[] = {good, good};
    struct torch_state found;
    made[1].name = "a";
    made[1].elements = 100;
    made[1].offset = 94;
    assert_int_equal(read_tensors(made, 2, &found), LMVR_OK);
    assert_int_equal(found.count, 2);
    assert_string_equal(found.tensors[0].name, "a");
    assert_string_equal(found.tensors[1].name, "w");
    assert_int_equal(found.tensors[0].offset, 94);
    assert_int_equal(found.tensors[0].storage.size, 400);
    assert_int_equal(found.tensors[0].elements, 6);
    assert_string_equal(found.tensors[0].type->name, "F32");
    torch_state_free(&found);
}

static void a_tensor_that_ends_after_its_storage_is_refused(void **state)
{
    (void)state;
    struct made made = good;
    made.elements = 5;
    assert_refused(made, "tensor w ends after its storage");
    made = good;
    made.offset = 1;
    assert_refused(made, "tensor w ends after its storage");
    made = good;
    made.stride[0] = 4;
    assert_refused(made, "tensor w ends after its storage");
    made = good;
    made.offset = INT64_MAX;
    assert_refused(made, "tensor w ");
}

static void shapes_that_overflow_are_refused(void **state)
{
    (void)state;
    struct made made = good;
    made.shape[0] = made.shape[1] = INT64_MAX;
    assert_refused(made, "has a shape that is too large");
    made.stride[0] = made.stride[1] = 0;
    assert_refused(made, "has a shape that is too large");
    made.shape[1] = 1;
    assert_refused(made, "repeats elements");
    made = good;
    made.elements = INT64_MAX;
    assert_refused(made, "has a storage that is too large");
}

static void numbers_below_zero_are_refused(void **state)
{
    (void)state;
    struct made made = good;
    made.offset = -1;
    assert_refused(made, "tensor w is not described");
    made = good;
    made.shape[1] = -3;
    assert_refused(made, "tensor w is not described");
    made = good;
    made.stride[1] = -1;
    assert_refused(made, "tensor w is not described");
    made = good;
    made.elements = -1;
    assert_refused(made, "has a storage that is not described");
}

static void dimensions_are_counted(void **state)
{
    (void)state;
    struct made made = good;
    made.strides = 1;
    assert_refused(made, "tensor w is not described");
    made.dims = made.strides = 9;
    assert_refused(made, "has more than 8 dimensions");
}

static void a_tensor_without_elements_needs_no_storage(void **state)
{
    (void)state;
    struct made made = good;
    struct torch_state found;
    made.shape[0] = 0;
    made.shape[1] = INT64_MAX;
    made.elements = 0;
    assert_int_equal(read_tensors(&made, 1, &found), LMVR_OK);
    assert_int_equal(found.tensors[0].elements, 0);
    torch_state_free(&found);
}

static void a_part_of_a_storage_of_old_files_is_refused(void **state)
{
    (void)state;
    struct made made = good;
    struct torch_state found;
    made.after = "N";
    assert_int_equal(read_tensors(&made, 1, &found), LMVR_OK);
    torch_state_free(&found);
    made.after = ")";
    assert_refused(made, "has a storage that is not described");
}

static void types_and_functions_are_not_taken_for_each_other(void **state)
{
    (void)state;
    struct made made = good;
    made.type = "float32";
    assert_refused(made, "has a storage that is not described");
    made = good;
    made.function = "_rebuild_tensor_v3"; /* without a type */
    assert_refused(made, "tensor w is not described");
    made = good;
    made.function = "_rebuild_parameter"; /* of no tensor */
    assert_refused(made, "holds no state dict");
}

static void names_are_text_and_there_once(void **state)
{
    (void)state;
    char name[600];
    struct made made = good, twice[] = {good, good};
    struct torch_state found;
    memset(name, 'n', sizeof name);
    name[513] = '\0';
    made.name = name;
    assert_refused(made, "whose name is no text of up to 512 bytes");
    name[512] = '\0';
    assert_int_equal(read_tensors(&made, 1, &found), LMVR_OK);
    torch_state_free(&found);
    made.name = "\xff";
    assert_refused(made, "not UTF-8");
    assert_int_equal(read_tensors(twice, 2, &found), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "tensor w is there twice"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_are_listed_by_name),
        cmocka_unit_test(a_tensor_that_ends_after_its_storage_is_refused),
        cmocka_unit_test(shapes_that_overflow_are_refused),
        cmocka_unit_test(numbers_below_zero_are_refused),
        cmocka_unit_test(dimensions_are_counted),
        cmocka_unit_test(a_tensor_without_elements_needs_no_storage),
        cmocka_unit_test(a_part_of_a_storage_of_old_files_is_refused),
        cmocka_unit_test(types_and_functions_are_not_taken_for_each_other),
        cmocka_unit_test(names_are_text_and_there_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
