#include "train/tape/tape_steps.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* An arena of floats that works in the queue of another. */
static struct arena beside(const struct arena *arena)
{
    return (struct arena){.device = arena->device, .queue = arena->queue, .dtype = F32, .operand_dtype = F32};
}

static lmvr_status create(const struct arena *arena, enum dtype products, struct tape **tape, lmvr_error *error)
{
    struct tape *t = *tape = calloc(1, sizeof *t);
    if (!t)
        return error_no_memory(error, "the tape");
    t->kept = t->passing = beside(arena);
    t->arena = &t->kept;
    t->gradients = arena->device->gradients;
    t->half = t->gradients->rounds(products);
    t->kernels = gradient_kernels_get();
    lmvr_status status = arena->device == device_cpu() ? matmul_create(&t->matmul, error) : LMVR_OK;
    if (status != LMVR_OK) {
        tape_free(t);
        *tape = NULL;
    }
    return status;
}

lmvr_status tape_create(enum dtype products, struct tape **tape, lmvr_error *error)
{
    struct arena arena;
    arena_init(&arena);
    return create(&arena, products, tape, error);
}

lmvr_status tape_create_for(const struct parameters *parameters, struct tape **tape, lmvr_error *error)
{
    return create(&parameters->arena, parameters->products, tape, error);
}

void tape_free(struct tape *tape)
{
    if (!tape)
        return;
    tape->kept.queue = tape->passing.queue = NULL; /* it is borrowed */
    arena_finish(&tape->kept);
    arena_finish(&tape->passing);
    matmul_free(tape->matmul);
    free(tape);
}

void tape_begin(struct tape *tape, bool recording)
{
    arena_reset(&tape->kept);
    arena_reset(&tape->passing);
    tape->arena = &tape->kept;
    tape->recording = recording;
    tape->status = LMVR_OK;
    tape->last = NULL;
}

void tape_fail(struct tape *tape, lmvr_status status, const char *sentence)
{
    if (tape->status != LMVR_OK)
        return;
    tape->status = status;
    error_write(&tape->error, "%s", sentence);
}

lmvr_status tape_status(const struct tape *tape, lmvr_error *error)
{
    return tape->status == LMVR_OK ? LMVR_OK : error_set(error, tape->status, "%s", tape->error.message);
}

bool tape_is_recording(const struct tape *tape)
{
    return tape->recording;
}

void tape_keep(struct tape *tape, lmvr_status status, const lmvr_error *error)
{
    if (status != LMVR_OK)
        tape_fail(tape, status, error->message);
}

bool tape_on_processor(struct tape *tape)
{
    if (tape->kept.device == device_cpu())
        return true;
    tape_fail(tape, LMVR_ERROR_INVALID, "this part of a model is trained on the processor only: --device cpu");
    return false;
}

lmvr_status tape_read(struct tape *tape, const struct value *value, double *number, lmvr_error *error)
{
    float read;
    TRY(tape->kept.device->operations->read(&tape->kept, &read, value->data, sizeof read, error));
    *number = (double)read;
    return LMVR_OK;
}

static void *noted(struct tape *tape, void *memory)
{
    if (!memory)
        tape_fail(tape, LMVR_ERROR_RESOURCE, "out of memory for a training pass");
    return memory;
}

void *tape_memory(struct tape *tape, int64_t count, size_t size)
{
    return tape->status == LMVR_OK ? noted(tape, arena_alloc(tape->arena, count, size)) : NULL;
}

float *tape_floats(struct tape *tape, int64_t count)
{
    return tape->status == LMVR_OK ? noted(tape, arena_floats(tape->arena, count)) : NULL;
}

const float *tape_sent(struct tape *tape, int64_t count, const float *floats)
{
    if (tape->kept.device == device_cpu() || !floats)
        return floats;
    float *sent = tape_floats(tape, count);
    if (sent)
        tape->kept.device->operations->write(tape->arena, sent, floats, (size_t)count * sizeof *sent);
    return sent;
}

struct value *tape_new(struct tape *tape, int64_t rows, int64_t columns, bool wanted)
{
    struct value *value = tape_memory(tape, 1, sizeof *value);
    float *data = tape_floats(tape, rows * columns);
    if (!data)
        return NULL;
    *value = (struct value){.rows = rows, .columns = columns, .data = data, .wanted = wanted};
    return value;
}

void *tape_step(struct tape *tape, size_t size, struct value *result, void (*back)(struct tape *tape, struct step *step))
{
    if (!tape->recording || !result || !result->wanted)
        return NULL;
    struct step *step = tape_memory(tape, 1, size);
    if (!step)
        return NULL;
    memset(step, 0, size);
    *step = (struct step){.back = back, .previous = tape->last, .result = result};
    tape->last = step;
    return step;
}

float *tape_gradient(struct tape *tape, struct value *value)
{
    if (!value->wanted)
        return NULL;
    if (value->gradient)
        return value->gradient;
    if (value->parameter)
        return value->gradient = value->parameter->gradient;
    int64_t size = value->rows * value->columns;
    float *gradient = tape_floats(tape, size);
    if (gradient)
        tape->arena->device->operations->zero(tape->arena, gradient, (size_t)size * sizeof *gradient);
    return value->gradient = gradient;
}

struct value *tape_constant(struct tape *tape, int64_t rows, int64_t columns, const float *data)
{
    struct value *value = tape_memory(tape, 1, sizeof *value);
    data = tape_sent(tape, rows * columns, data);
    if (!value || !data)
        return NULL;
    *value = (struct value){.rows = rows, .columns = columns, .data = (float *)data}; /* never written, as it has no gradient */
    return value;
}

struct value *tape_parameter(struct tape *tape, struct parameter *parameter)
{
    struct value *value = tape_memory(tape, 1, sizeof *value);
    if (!value)
        return NULL;
    *value = (struct value){.rows = parameter->rows,
                            .columns = parameter->columns,
                            .data = parameter->value,
                            .wanted = parameter->trained,
                            .parameter = parameter};
    return value;
}

/* Runs the backward steps recorded since `until`, last one first. */
static void run_back(struct tape *tape, const struct step *until)
{
    for (struct step *step = tape->last; step != until && tape->status == LMVR_OK; step = step->previous)
        if (step->result->gradient)
            step->back(tape, step);
}

lmvr_status tape_backward(struct tape *tape, struct value *loss, float weight, lmvr_error *error)
{
    if (loss && tape->recording && loss->wanted) {
        assert(loss->rows == 1 && loss->columns == 1);
        float *gradient = tape_gradient(tape, loss);
        if (gradient)
            tape->kept.device->operations->write(tape->arena, gradient, &weight, sizeof weight);
        run_back(tape, NULL);
    }
    return tape_status(tape, error);
}

void tape_matmul(struct tape *tape, const struct matmul_call *call)
{
    TAPE_DO(tape, multiply, tape->matmul, call);
}

/* ---- recomputed parts -------------------------------------------------------------------------------------------------- */

struct recompute_step {
    struct step step;
    tape_part *run;
    const void *context;
    int input_count;
    struct value *inputs[TAPE_PART_INPUTS];
};

static void recompute_back(struct tape *tape, struct step *step)
{
    struct recompute_step *s = (struct recompute_step *)step;
    struct value copies[TAPE_PART_INPUTS], *inputs[TAPE_PART_INPUTS];
    for (int i = 0; i < s->input_count; i++) {
        tape_gradient(tape, s->inputs[i]);
        copies[i] = *s->inputs[i];
        inputs[i] = &copies[i];
    }
    struct step *last = tape->last;
    struct arena *arena = tape->arena;
    struct arena_mark mark = arena_mark(&tape->passing);
    tape->arena = &tape->passing;
    tape->last = NULL;
    struct value *result = s->run(tape, inputs, s->context);
    if (result) {
        result->gradient = step->result->gradient;
        run_back(tape, NULL);
    }
    tape->last = last;
    tape->arena = arena;
    arena_release(&tape->passing, mark);
}

struct value *tape_recompute(struct tape *tape, tape_part *run, struct value *const *inputs, int input_count,
                             const void *context)
{
    assert(input_count <= TAPE_PART_INPUTS);
    if (tape->status != LMVR_OK || tape->arena == &tape->passing) /* a part inside a recomputed part keeps everything */
        return tape->status == LMVR_OK ? run(tape, inputs, context) : NULL;
    bool recording = tape->recording;
    struct arena_mark mark = arena_mark(&tape->passing);
    tape->recording = false;
    tape->arena = &tape->passing;
    struct value *made = run(tape, inputs, context);
    tape->arena = &tape->kept;
    tape->recording = recording;
    struct value *result = made ? tape_new(tape, made->rows, made->columns, made->wanted) : NULL;
    if (result)
        tape->kept.device->operations->copy(tape->arena, result->data, made->data,
                                            (size_t)(made->rows * made->columns) * sizeof *made->data);
    arena_release(&tape->passing, mark);
    struct recompute_step *step = TAPE_STEP(tape, struct recompute_step, result, recompute_back);
    if (step) {
        step->run = run;
        step->context = context;
        step->input_count = input_count;
        memcpy(step->inputs, inputs, (size_t)input_count * sizeof *inputs);
    }
    return result;
}
