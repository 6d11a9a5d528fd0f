#include "format/torch_state.h"

#include "format/utf8.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define MAX_NAME 512 /* bytes; a name may stand for many tensors in few bytes, and is copied for each */

enum type { F64, F32, F16, BF16, F8_E4M3, F8_E5M2, I64, I32, I16, I8, U64, U32, U16, U8, BOOL };

static const struct torch_type types[] = {
    [F64] = {"F64", 8, false},  [F32] = {"F32", 4, true},          [F16] = {"F16", 2, true},
    [BF16] = {"BF16", 2, true}, [F8_E4M3] = {"F8_E4M3", 1, false}, [F8_E5M2] = {"F8_E5M2", 1, false},
    [I64] = {"I64", 8, false},  [I32] = {"I32", 4, false},         [I16] = {"I16", 2, false},
    [I8] = {"I8", 1, false},    [U64] = {"U64", 8, false},         [U32] = {"U32", 4, false},
    [U16] = {"U16", 2, false},  [U8] = {"U8", 1, false},           [BOOL] = {"BOOL", 1, false},
};

/* Meanings beyond those of types. */
enum { STORAGE = 100, DTYPE = 200, DICT = 300, TENSOR, PARAMETER };

const struct pickle_global torch_globals[] = {
    {"collections", "OrderedDict", DICT},
    {"torch._utils", "_rebuild_tensor", TENSOR},
    {"torch._utils", "_rebuild_tensor_v2", TENSOR},
    {"torch._utils", "_rebuild_tensor_v3", TENSOR},
    {"torch._utils", "_rebuild_parameter", PARAMETER},
    {"torch", "DoubleStorage", STORAGE + F64},
    {"torch", "FloatStorage", STORAGE + F32},
    {"torch", "HalfStorage", STORAGE + F16},
    {"torch", "BFloat16Storage", STORAGE + BF16},
    {"torch", "LongStorage", STORAGE + I64},
    {"torch", "IntStorage", STORAGE + I32},
    {"torch", "ShortStorage", STORAGE + I16},
    {"torch", "CharStorage", STORAGE + I8},
    {"torch", "ByteStorage", STORAGE + U8},
    {"torch", "BoolStorage", STORAGE + BOOL},
    {"torch.storage", "UntypedStorage", STORAGE + U8},
    {"torch", "float64", DTYPE + F64},
    {"torch", "float32", DTYPE + F32},
    {"torch", "float16", DTYPE + F16},
    {"torch", "bfloat16", DTYPE + BF16},
    {"torch", "float8_e4m3fn", DTYPE + F8_E4M3},
    {"torch", "float8_e5m2", DTYPE + F8_E5M2},
    {"torch", "int64", DTYPE + I64},
    {"torch", "int32", DTYPE + I32},
    {"torch", "int16", DTYPE + I16},
    {"torch", "int8", DTYPE + I8},
    {"torch", "uint64", DTYPE + U64},
    {"torch", "uint32", DTYPE + U32},
    {"torch", "uint16", DTYPE + U16},
    {"torch", "uint8", DTYPE + U8},
    {"torch", "bool", DTYPE + BOOL},
};
const size_t torch_global_count = COUNT(torch_globals);

static lmvr_status refuse(const char *path, const char *name, const char *what, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %.200s %s", path, name, what);
}

/* The type that a global stands for, as an element's (DTYPE) or a storage's (STORAGE); NULL: none. */
static const struct torch_type *type_of(const struct pickle_value *value, int base)
{
    int index = value->kind == PICKLE_GLOBAL ? value->global->meaning - base : -1;
    return index >= 0 && index < (int)COUNT(types) ? &types[index] : NULL;
}

static bool is_call(const struct pickle_value *value, int meaning)
{
    return value->kind == PICKLE_CALL && value->call.callee->global->meaning == meaning;
}

static bool is_dict(const struct pickle_value *value)
{
    return value->kind == PICKLE_DICT || is_call(value, DICT);
}

/* The call that makes a tensor, inside that of a parameter, too; NULL: the value is none. */
static const struct pickle_value *tensor_in(const struct pickle_value *value)
{
    const struct pickle_value *tensor = NULL;
    if (is_call(value, PARAMETER) && pickle_elements(value->call.arguments, 1, &tensor) >= 1)
        value = tensor;
    return is_call(value, TENSOR) ? value : NULL;
}

/* ---- storages --------------------------------------------------------------------------------------------------------- */

/* ("storage", type, key, device, number of elements), and in old files None or what the storage is a part of. */
static lmvr_status parse_storage(const char *path, const struct pickle_value *value, const struct torch_type **type,
                                 struct torch_storage *storage, lmvr_error *error)
{
    const struct pickle_value *parts[6];
    int count = value->kind == PICKLE_PERSISTENT ? pickle_elements(value->value, 6, parts) : 0;
    bool good = count >= 5 && count <= 6 && pickle_is_text(parts[0], "storage") && parts[2]->kind == PICKLE_TEXT &&
                parts[4]->kind == PICKLE_INT && parts[4]->number >= 0 && (count == 5 || parts[5]->kind == PICKLE_NONE);
    *type = good ? type_of(parts[1], STORAGE) : NULL;
    if (!*type)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has a storage that is not described as torch.save() does", path);
    storage->key = parts[2];
    if (__builtin_mul_overflow((uint64_t)parts[4]->number, (*type)->size, &storage->size))
        return error_set(error, LMVR_ERROR_INVALID, "%s: has a storage that is too large", path);
    return LMVR_OK;
}

lmvr_status torch_storage_read(const char *path, const struct pickle_value *value, struct torch_storage *storage,
                               lmvr_error *error)
{
    const struct torch_type *type;
    return parse_storage(path, value, &type, storage, error);
}

/* ---- tensors ---------------------------------------------------------------------------------------------------------- */

/* A tuple of numbers from 0 on. Returns how many, or -1. */
static int take_numbers(const struct pickle_value *value, int64_t numbers[TORCH_MAX_DIMS])
{
    const struct pickle_value *elements[TORCH_MAX_DIMS];
    int count = pickle_elements(value, TORCH_MAX_DIMS, elements);
    for (int i = 0; i < count && count <= TORCH_MAX_DIMS; i++) {
        numbers[i] = elements[i]->number;
        if (elements[i]->kind != PICKLE_INT || numbers[i] < 0)
            return -1;
    }
    return count;
}

/* Counts the elements, and checks that they lie in the storage. */
static lmvr_status check_extent(const char *path, struct torch_tensor *tensor, lmvr_error *error)
{
    uint64_t space = tensor->storage.size / tensor->type->size, last = tensor->offset, reach;
    tensor->elements = 1;
    for (int i = 0; i < tensor->dims; i++)
        if (tensor->shape[i] == 0) {
            tensor->elements = 0;
            return LMVR_OK;
        }
    for (int i = 0; i < tensor->dims; i++) {
        if (__builtin_mul_overflow((uint64_t)tensor->shape[i] - 1, (uint64_t)tensor->stride[i], &reach) ||
            __builtin_add_overflow(last, reach, &last) ||
            __builtin_mul_overflow(tensor->elements, (uint64_t)tensor->shape[i], &tensor->elements))
            return refuse(path, tensor->name, "has a shape that is too large", error);
    }
    if (last >= space)
        return refuse(path, tensor->name, "ends after its storage", error);
    return tensor->elements <= space ? LMVR_OK : refuse(path, tensor->name, "repeats elements, which is not read", error);
}

/* (storage, offset, shape, strides, ...), in the third version with the type as the last but one of eight. */
static lmvr_status parse_tensor(const char *path, const struct pickle_value *call, struct torch_tensor *tensor,
                                lmvr_error *error)
{
    const struct pickle_value *parts[8];
    int64_t offset = -1;
    int count = pickle_elements(call->call.arguments, 8, parts);
    if (count < 4 || count > 8)
        return refuse(path, tensor->name, "is not described as torch.save() does", error);
    TRY(parse_storage(path, parts[0], &tensor->type, &tensor->storage, error));
    if (strcmp(call->call.callee->global->name, "_rebuild_tensor_v3") == 0)
        tensor->type = count >= 7 ? type_of(parts[6], DTYPE) : NULL;
    if (parts[1]->kind == PICKLE_INT)
        offset = parts[1]->number;
    tensor->offset = (uint64_t)offset;
    tensor->dims = take_numbers(parts[2], tensor->shape);
    if (tensor->dims > TORCH_MAX_DIMS)
        return refuse(path, tensor->name, "has more than 8 dimensions", error);
    if (!tensor->type || offset < 0 || tensor->dims < 0 || take_numbers(parts[3], tensor->stride) != tensor->dims)
        return refuse(path, tensor->name, "is not described as torch.save() does", error);
    return check_extent(path, tensor, error);
}

static lmvr_status add_tensor(const char *path, const struct pickle_value *key, const struct pickle_value *call,
                              struct torch_state *state, lmvr_error *error)
{
    if (key->kind != PICKLE_TEXT || key->text.size > MAX_NAME || memchr(key->text.bytes, '\0', key->text.size))
        return error_set(error, LMVR_ERROR_INVALID, "%s: has a tensor whose name is no text of up to %d bytes", path, MAX_NAME);
    struct torch_tensor *tensor = &state->tensors[state->count++];
    tensor->name = strndup(key->text.bytes, key->text.size);
    if (!tensor->name)
        return error_no_memory(error, path);
    if (!utf8_is_valid(tensor->name))
        return refuse(path, tensor->name, "has a name that is not UTF-8", error);
    return parse_tensor(path, call, tensor, error);
}

/* ---- the dict --------------------------------------------------------------------------------------------------------- */

static size_t count_tensors(const struct pickle_value *dict)
{
    size_t count = 0;
    for (const struct pickle_item *item = dict->items; item; item = item->next)
        count += tensor_in(item->value) != NULL;
    return count;
}

/* The dict with the tensors: the pickle's, or in that of a training's checkpoint the model's. NULL: there is none. */
static const struct pickle_value *find_dict(const struct pickle_value *root)
{
    static const char *const wrappers[] = {"state_dict", "model", "module", "model_state_dict"};
    if (!is_dict(root) || count_tensors(root) > 0)
        return is_dict(root) ? root : NULL;
    for (size_t i = 0; i < COUNT(wrappers); i++)
        for (const struct pickle_item *item = root->items; item; item = item->next)
            if (pickle_is_text(item->key, wrappers[i]) && is_dict(item->value) && count_tensors(item->value) > 0)
                return item->value;
    return NULL;
}

static int compare_names(const void *a, const void *b)
{
    const struct torch_tensor *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static lmvr_status list_tensors(const char *path, const struct pickle_value *dict, struct torch_state *state, lmvr_error *error)
{
    state->tensors = calloc(count_tensors(dict) + 1, sizeof *state->tensors);
    if (!state->tensors)
        return error_no_memory(error, path);
    for (const struct pickle_item *item = dict->items; item; item = item->next) {
        const struct pickle_value *call = tensor_in(item->value);
        if (call)
            TRY(add_tensor(path, item->key, call, state, error));
    }
    qsort(state->tensors, state->count, sizeof *state->tensors, compare_names);
    for (size_t i = 1; i < state->count; i++)
        if (strcmp(state->tensors[i - 1].name, state->tensors[i].name) == 0)
            return refuse(path, state->tensors[i].name, "is there twice", error);
    return LMVR_OK;
}

lmvr_status torch_state_read(const char *path, const struct pickle *pickle, struct torch_state *state, lmvr_error *error)
{
    const struct pickle_value *dict = find_dict(pickle_root(pickle));
    *state = (struct torch_state){0};
    if (!dict)
        return error_set(error, LMVR_ERROR_INVALID, "%s: holds no state dict, a dict of tensors by name", path);
    lmvr_status status = list_tensors(path, dict, state, error);
    if (status != LMVR_OK)
        torch_state_free(state);
    return status;
}

void torch_state_free(struct torch_state *state)
{
    for (size_t i = 0; i < state->count; i++)
        free(state->tensors[i].name);
    free(state->tensors);
    *state = (struct torch_state){0};
}
