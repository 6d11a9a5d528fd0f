#include "format/pickle.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)1 << 16) /* bytes of values that are allocated at a time */

/* The opcodes of plain data. */
enum {
    OP_MARK = '(',
    OP_STOP = '.',
    OP_POP = '0',
    OP_POP_MARK = '1',
    OP_NONE = 'N',
    OP_NEWTRUE = 0x88,
    OP_NEWFALSE = 0x89,
    OP_BININT = 'J',
    OP_BININT1 = 'K',
    OP_BININT2 = 'M',
    OP_LONG1 = 0x8a,
    OP_LONG4 = 0x8b,
    OP_BINFLOAT = 'G',
    OP_BINUNICODE = 'X',
    OP_SHORT_BINUNICODE = 0x8c,
    OP_BINUNICODE8 = 0x8d,
    OP_BINSTRING = 'T',
    OP_SHORT_BINSTRING = 'U',
    OP_BINBYTES = 'B',
    OP_SHORT_BINBYTES = 'C',
    OP_BINBYTES8 = 0x8e,
    OP_EMPTY_TUPLE = ')',
    OP_TUPLE = 't',
    OP_TUPLE1 = 0x85,
    OP_TUPLE2 = 0x86,
    OP_TUPLE3 = 0x87,
    OP_EMPTY_LIST = ']',
    OP_APPEND = 'a',
    OP_APPENDS = 'e',
    OP_EMPTY_DICT = '}',
    OP_SETITEM = 's',
    OP_SETITEMS = 'u',
    OP_GLOBAL = 'c',
    OP_STACK_GLOBAL = 0x93,
    OP_REDUCE = 'R',
    OP_BUILD = 'b',
    OP_BINPERSID = 'Q',
    OP_BINPUT = 'q',
    OP_LONG_BINPUT = 'r',
    OP_MEMOIZE = 0x94,
    OP_BINGET = 'h',
    OP_LONG_BINGET = 'j',
    OP_PROTO = 0x80,
    OP_FRAME = 0x95
};

struct block {
    struct block *next;
    size_t used;
    max_align_t space[];
};

struct pickle {
    struct block *blocks;
    const struct pickle_value *root;
    struct pickle_value persistents; /* a list */
};

/* A stack, or the memo, whose empty places are NULL. */
struct values {
    size_t count, space;
    struct pickle_value **items;
};

struct machine {
    const char *path;
    const unsigned char *bytes;
    size_t size, at;
    const struct pickle_global *globals;
    size_t global_count;
    struct pickle *pickle;
    struct values stack, memo;
    struct pickle_value mark; /* what lies on the stack for one */
    bool stopped;
    lmvr_error *error;
};

/* ---- memory ----------------------------------------------------------------------------------------------------------- */

static lmvr_status refuse(struct machine *m, const char *what)
{
    return error_set(m->error, LMVR_ERROR_INVALID, "%s: is not a pickle of plain data: %s at byte %zu of it", m->path, what,
                     m->at);
}

/* Zeroed, and freed with the pickle; NULL: out of memory. */
static void *allocate(struct pickle *pickle, size_t size)
{
    struct block *block = pickle->blocks;
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (!block || BLOCK_SIZE - block->used < size) {
        block = calloc(1, sizeof *block + BLOCK_SIZE);
        if (!block)
            return NULL;
        block->next = pickle->blocks;
        pickle->blocks = block;
    }
    void *taken = (char *)block->space + block->used;
    block->used += size;
    return taken;
}

static lmvr_status set_value(struct machine *m, struct values *values, size_t index, struct pickle_value *value)
{
    if (index >= values->space) {
        size_t space = 2 * index + 64;
        struct pickle_value **items = realloc(values->items, space * sizeof *items);
        if (!items)
            return error_no_memory(m->error, m->path);
        memset(items + values->space, 0, (space - values->space) * sizeof *items);
        values->items = items;
        values->space = space;
    }
    values->items[index] = value;
    values->count = values->count > index + 1 ? values->count : index + 1;
    return LMVR_OK;
}

/* ---- the stack -------------------------------------------------------------------------------------------------------- */

static lmvr_status push(struct machine *m, struct pickle_value *value)
{
    return set_value(m, &m->stack, m->stack.count, value);
}

static lmvr_status push_new(struct machine *m, enum pickle_kind kind, struct pickle_value **value)
{
    *value = allocate(m->pickle, sizeof **value);
    if (!*value)
        return error_no_memory(m->error, m->path);
    (*value)->kind = kind;
    return push(m, *value);
}

static lmvr_status push_number(struct machine *m, enum pickle_kind kind, int64_t number)
{
    struct pickle_value *value;
    TRY(push_new(m, kind, &value));
    value->number = number;
    return LMVR_OK;
}

/* Refuses a mark, too. */
static lmvr_status pop(struct machine *m, struct pickle_value **value)
{
    if (m->stack.count == 0 || m->stack.items[m->stack.count - 1] == &m->mark)
        return refuse(m, "a value is missing");
    *value = m->stack.items[--m->stack.count];
    return LMVR_OK;
}

/* The values above the topmost mark, which leave the stack with it but stay in place until the next push. */
static lmvr_status pop_mark(struct machine *m, struct pickle_value ***values, size_t *count)
{
    size_t first = m->stack.count;
    while (first > 0 && m->stack.items[first - 1] != &m->mark)
        first--;
    if (first == 0)
        return refuse(m, "a mark is missing");
    *values = m->stack.items + first;
    *count = m->stack.count - first;
    m->stack.count = first - 1;
    return LMVR_OK;
}

static lmvr_status add_item(struct machine *m, struct pickle_value *to, const struct pickle_value *key,
                            const struct pickle_value *value)
{
    struct pickle_item *item = allocate(m->pickle, sizeof *item);
    if (!item)
        return error_no_memory(m->error, m->path);
    *item = (struct pickle_item){.key = key, .value = value};
    if (to->last_item)
        to->last_item->next = item;
    else
        to->items = item;
    to->last_item = item;
    return LMVR_OK;
}

/* ---- arguments of opcodes --------------------------------------------------------------------------------------------- */

static lmvr_status take(struct machine *m, size_t size, const unsigned char **bytes)
{
    if (size > m->size - m->at)
        return refuse(m, "it ends");
    *bytes = m->bytes + m->at;
    m->at += size;
    return LMVR_OK;
}

/* A little-endian number of up to 8 bytes. */
static lmvr_status take_number(struct machine *m, size_t size, uint64_t *number)
{
    const unsigned char *bytes;
    TRY(take(m, size, &bytes));
    *number = 0;
    for (size_t i = 0; i < size; i++)
        *number |= (uint64_t)bytes[i] << 8 * i;
    return LMVR_OK;
}

/* Text, or bytes that nobody looks at, after a length of `width` bytes. */
static lmvr_status push_text(struct machine *m, enum pickle_kind kind, size_t width)
{
    uint64_t size;
    const unsigned char *bytes;
    struct pickle_value *value;
    TRY(take_number(m, width, &size));
    TRY(take(m, size, &bytes));
    TRY(push_new(m, kind, &value));
    value->text.bytes = (const char *)bytes;
    value->text.size = size;
    return LMVR_OK;
}

/* Two's complement, after a length of `width` bytes. */
static lmvr_status push_long(struct machine *m, size_t width)
{
    uint64_t size, number;
    const unsigned char *bytes;
    TRY(take_number(m, width, &size));
    if (size > sizeof number) {
        TRY(take(m, size, &bytes));
        return push_number(m, PICKLE_OTHER, 0);
    }
    TRY(take_number(m, size, &number));
    if (size > 0 && size < sizeof number && number >> (8 * size - 1))
        number |= UINT64_MAX << 8 * size;
    return push_number(m, PICKLE_INT, (int64_t)number);
}

/* ---- tuples, lists and dicts ------------------------------------------------------------------------------------------- */

static lmvr_status push_tuple(struct machine *m, size_t count)
{
    struct pickle_value *tuple = allocate(m->pickle, sizeof *tuple);
    if (!tuple)
        return error_no_memory(m->error, m->path);
    tuple->kind = PICKLE_TUPLE;
    if (m->stack.count < count)
        return refuse(m, "a value is missing");
    m->stack.count -= count;
    for (size_t i = 0; i < count; i++) {
        if (m->stack.items[m->stack.count + i] == &m->mark)
            return refuse(m, "a value is missing");
        TRY(add_item(m, tuple, NULL, m->stack.items[m->stack.count + i]));
    }
    return push(m, tuple);
}

static lmvr_status push_marked_tuple(struct machine *m)
{
    struct pickle_value **values, *tuple = allocate(m->pickle, sizeof *tuple);
    size_t count;
    if (!tuple)
        return error_no_memory(m->error, m->path);
    tuple->kind = PICKLE_TUPLE;
    TRY(pop_mark(m, &values, &count));
    for (size_t i = 0; i < count; i++)
        TRY(add_item(m, tuple, NULL, values[i]));
    return push(m, tuple);
}

/* The container on top of the stack, which stays there. */
static lmvr_status top(struct machine *m, bool list, struct pickle_value **value)
{
    TRY(pop(m, value));
    enum pickle_kind kind = (*value)->kind;
    if (list ? kind != PICKLE_LIST : kind != PICKLE_DICT && kind != PICKLE_CALL)
        return refuse(m, "a list or a dict is missing");
    m->stack.count++;
    return LMVR_OK;
}

static lmvr_status append_all(struct machine *m)
{
    struct pickle_value **values, *list;
    size_t count;
    TRY(pop_mark(m, &values, &count));
    TRY(top(m, true, &list));
    for (size_t i = 0; i < count; i++)
        TRY(add_item(m, list, NULL, values[i]));
    return LMVR_OK;
}

static lmvr_status append_one(struct machine *m)
{
    struct pickle_value *value, *list;
    TRY(pop(m, &value));
    TRY(top(m, true, &list));
    return add_item(m, list, NULL, value);
}

static lmvr_status set_all(struct machine *m)
{
    struct pickle_value **values, *dict;
    size_t count;
    TRY(pop_mark(m, &values, &count));
    if (count % 2 != 0)
        return refuse(m, "a key has no value");
    TRY(top(m, false, &dict));
    for (size_t i = 0; i < count; i += 2)
        TRY(add_item(m, dict, values[i], values[i + 1]));
    return LMVR_OK;
}

static lmvr_status set_one(struct machine *m)
{
    struct pickle_value *key, *value, *dict;
    TRY(pop(m, &value));
    TRY(pop(m, &key));
    TRY(top(m, false, &dict));
    return add_item(m, dict, key, value);
}

/* ---- globals, calls and the memo -------------------------------------------------------------------------------------- */

#define SHOWN(size) ((int)((size) < 80 ? (size) : 80))

static lmvr_status push_global(struct machine *m, const char *module, size_t module_size, const char *name, size_t name_size)
{
    size_t i = 0;
    for (; i < m->global_count; i++) {
        const struct pickle_global *g = &m->globals[i];
        if (strlen(g->module) == module_size && memcmp(g->module, module, module_size) == 0 && strlen(g->name) == name_size &&
            memcmp(g->name, name, name_size) == 0)
            break;
    }
    if (i < m->global_count) {
        struct pickle_value *value;
        TRY(push_new(m, PICKLE_GLOBAL, &value));
        value->global = &m->globals[i];
        return LMVR_OK;
    }
    return error_set(
        m->error, LMVR_ERROR_INVALID,
        "%s: names %.*s.%.*s, which is not part of weights; tensors alone are read, and nothing in a pickle is run", m->path,
        SHOWN(module_size), module, SHOWN(name_size), name);
}

/* Two lines. */
static lmvr_status read_global(struct machine *m)
{
    const char *lines[2];
    size_t sizes[2];
    for (int i = 0; i < 2; i++) {
        const unsigned char *begin = m->bytes + m->at, *end = memchr(begin, '\n', m->size - m->at);
        if (!end)
            return refuse(m, "it ends");
        lines[i] = (const char *)begin;
        sizes[i] = (size_t)(end - begin);
        m->at += sizes[i] + 1;
    }
    return push_global(m, lines[0], sizes[0], lines[1], sizes[1]);
}

static lmvr_status read_stack_global(struct machine *m)
{
    struct pickle_value *module, *name;
    TRY(pop(m, &name));
    TRY(pop(m, &module));
    if (module->kind != PICKLE_TEXT || name->kind != PICKLE_TEXT)
        return refuse(m, "a global has no name");
    return push_global(m, module->text.bytes, module->text.size, name->text.bytes, name->text.size);
}

static lmvr_status record_call(struct machine *m)
{
    struct pickle_value *callee, *arguments, *call;
    TRY(pop(m, &arguments));
    TRY(pop(m, &callee));
    if (callee->kind != PICKLE_GLOBAL || arguments->kind != PICKLE_TUPLE)
        return refuse(m, "a call is not one of a function with a tuple");
    TRY(push_new(m, PICKLE_CALL, &call));
    call->call.callee = callee;
    call->call.arguments = arguments;
    return LMVR_OK;
}

/* The state of an object, such as the versions that PyTorch attaches to an OrderedDict, is not looked at. */
static lmvr_status drop_state(struct machine *m)
{
    struct pickle_value *state, *object;
    TRY(pop(m, &state));
    return top(m, false, &object);
}

static lmvr_status push_persistent(struct machine *m)
{
    struct pickle_value *id, *value;
    TRY(pop(m, &id));
    TRY(push_new(m, PICKLE_PERSISTENT, &value));
    value->value = id;
    return add_item(m, &m->pickle->persistents, NULL, value);
}

/* Pickles number the memo's places one by one; no index can be beyond the number of bytes so far. */
static lmvr_status memo_put(struct machine *m, uint64_t index)
{
    struct pickle_value *value;
    TRY(pop(m, &value));
    m->stack.count++;
    if (index > m->at)
        return refuse(m, "the memo has no such place");
    return set_value(m, &m->memo, index, value);
}

static lmvr_status memo_get(struct machine *m, uint64_t index)
{
    if (index >= m->memo.count || !m->memo.items[index])
        return refuse(m, "the memo has no such place");
    return push(m, m->memo.items[index]);
}

/* ---- the machine ------------------------------------------------------------------------------------------------------ */

static lmvr_status drop_marked(struct machine *m)
{
    struct pickle_value **values;
    size_t count;
    return pop_mark(m, &values, &count);
}

static lmvr_status drop(struct machine *m)
{
    struct pickle_value *value;
    return pop(m, &value);
}

static lmvr_status check_protocol(struct machine *m)
{
    uint64_t protocol;
    TRY(take_number(m, 1, &protocol));
    return protocol >= 2 && protocol <= 5 ? LMVR_OK : refuse(m, "its protocol is none of 2 to 5");
}

static lmvr_status skip(struct machine *m, size_t size)
{
    const unsigned char *bytes;
    return take(m, size, &bytes);
}

/* Values without parts. */
static lmvr_status step_scalar(struct machine *m, int opcode, bool *known)
{
    uint64_t number = 0;
    struct pickle_value *value;
    switch (opcode) {
    case OP_NONE:
        return push_number(m, PICKLE_NONE, 0);
    case OP_NEWTRUE:
    case OP_NEWFALSE:
        return push_number(m, PICKLE_BOOL, opcode == OP_NEWTRUE);
    case OP_BININT:
        TRY(take_number(m, 4, &number));
        return push_number(m, PICKLE_INT, (int32_t)(uint32_t)number);
    case OP_BININT1:
    case OP_BININT2:
        TRY(take_number(m, opcode == OP_BININT1 ? 1 : 2, &number));
        return push_number(m, PICKLE_INT, (int64_t)number);
    case OP_LONG1:
        return push_long(m, 1);
    case OP_LONG4:
        return push_long(m, 4);
    case OP_BINFLOAT:
        TRY(skip(m, 8));
        return push_new(m, PICKLE_OTHER, &value);
    case OP_SHORT_BINUNICODE:
    case OP_SHORT_BINSTRING:
        return push_text(m, PICKLE_TEXT, 1);
    case OP_BINUNICODE:
    case OP_BINSTRING:
        return push_text(m, PICKLE_TEXT, 4);
    case OP_BINUNICODE8:
        return push_text(m, PICKLE_TEXT, 8);
    case OP_SHORT_BINBYTES:
        return push_text(m, PICKLE_OTHER, 1);
    case OP_BINBYTES:
        return push_text(m, PICKLE_OTHER, 4);
    case OP_BINBYTES8:
        return push_text(m, PICKLE_OTHER, 8);
    default:
        *known = false;
        return LMVR_OK;
    }
}

static lmvr_status step_container(struct machine *m, int opcode, bool *known)
{
    struct pickle_value *value;
    switch (opcode) {
    case OP_EMPTY_TUPLE:
        return push_tuple(m, 0);
    case OP_TUPLE1:
    case OP_TUPLE2:
    case OP_TUPLE3:
        return push_tuple(m, (size_t)opcode - OP_TUPLE1 + 1);
    case OP_TUPLE:
        return push_marked_tuple(m);
    case OP_EMPTY_LIST:
        return push_new(m, PICKLE_LIST, &value);
    case OP_EMPTY_DICT:
        return push_new(m, PICKLE_DICT, &value);
    case OP_APPEND:
        return append_one(m);
    case OP_APPENDS:
        return append_all(m);
    case OP_SETITEM:
        return set_one(m);
    case OP_SETITEMS:
        return set_all(m);
    default:
        *known = false;
        return LMVR_OK;
    }
}

static lmvr_status step_other(struct machine *m, int opcode, bool *known)
{
    uint64_t number = 0;
    switch (opcode) {
    case OP_PROTO:
        return check_protocol(m);
    case OP_FRAME:
        return skip(m, 8);
    case OP_STOP:
        m->stopped = true;
        return LMVR_OK;
    case OP_MARK:
        return push(m, &m->mark);
    case OP_POP:
        return drop(m);
    case OP_POP_MARK:
        return drop_marked(m);
    case OP_GLOBAL:
        return read_global(m);
    case OP_STACK_GLOBAL:
        return read_stack_global(m);
    case OP_REDUCE:
        return record_call(m);
    case OP_BUILD:
        return drop_state(m);
    case OP_BINPERSID:
        return push_persistent(m);
    case OP_BINPUT:
    case OP_LONG_BINPUT:
        TRY(take_number(m, opcode == OP_BINPUT ? 1 : 4, &number));
        return memo_put(m, number);
    case OP_MEMOIZE:
        return memo_put(m, m->memo.count);
    case OP_BINGET:
    case OP_LONG_BINGET:
        TRY(take_number(m, opcode == OP_BINGET ? 1 : 4, &number));
        return memo_get(m, number);
    default:
        *known = false;
        return LMVR_OK;
    }
}

static lmvr_status run(struct machine *m)
{
    lmvr_status (*const steps[])(struct machine * m, int opcode, bool *known) = {step_scalar, step_container, step_other};
    uint64_t opcode = 0;
    if (m->size < 2 || m->bytes[0] != OP_PROTO)
        return refuse(m, "there is no protocol");
    while (!m->stopped) {
        bool known = false;
        TRY(take_number(m, 1, &opcode));
        for (size_t i = 0; i < sizeof steps / sizeof *steps && !known; i++) {
            known = true;
            TRY(steps[i](m, (int)opcode, &known));
        }
        if (!known)
            return error_set(m->error, LMVR_ERROR_INVALID,
                             "%s: is not a pickle of plain data: it has opcode 0x%02x before byte %zu", m->path,
                             (unsigned)opcode, m->at);
    }
    if (m->stack.count != 1 || m->stack.items[0] == &m->mark)
        return refuse(m, "it ends with other than one value");
    m->pickle->root = m->stack.items[0];
    return LMVR_OK;
}

lmvr_status pickle_read(const char *path, const void *bytes, size_t size, const struct pickle_global *globals,
                        size_t global_count, struct pickle **pickle, size_t *used, lmvr_error *error)
{
    struct machine m = {.path = path,
                        .bytes = bytes,
                        .size = size,
                        .globals = globals,
                        .global_count = global_count,
                        .pickle = calloc(1, sizeof **pickle),
                        .error = error};
    *pickle = m.pickle;
    lmvr_status status = m.pickle ? run(&m) : error_no_memory(error, path);
    *used = m.at;
    free(m.stack.items);
    free(m.memo.items);
    if (status != LMVR_OK) {
        pickle_free(m.pickle);
        *pickle = NULL;
    }
    return status;
}

void pickle_free(struct pickle *pickle)
{
    while (pickle && pickle->blocks) {
        struct block *block = pickle->blocks;
        pickle->blocks = block->next;
        free(block);
    }
    free(pickle);
}

const struct pickle_value *pickle_root(const struct pickle *pickle)
{
    return pickle->root;
}

const struct pickle_item *pickle_persistents(const struct pickle *pickle)
{
    return pickle->persistents.items;
}

bool pickle_is_text(const struct pickle_value *value, const char *text)
{
    return value->kind == PICKLE_TEXT && value->text.size == strlen(text) &&
           memcmp(value->text.bytes, text, value->text.size) == 0;
}

int pickle_elements(const struct pickle_value *value, int space, const struct pickle_value **elements)
{
    int count = 0;
    if (value->kind != PICKLE_TUPLE && value->kind != PICKLE_LIST)
        return -1;
    for (const struct pickle_item *item = value->items; item && count <= space; item = item->next, count++)
        if (count < space)
            elements[count] = item->value;
    return count;
}
