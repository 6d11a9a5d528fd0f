#include "tensor/cuda/check.h"

#include "tensor/matmul.h"

#include <math.h>

lmvr_status check_no_memory(lmvr_error *error)
{
    return error_no_memory(error, "the GPU's check");
}

/* Numbers between -1 and 1 that the type holds, so that both sides begin with the same. */
static void fill(float *x, enum dtype dtype)
{
    uint32_t seed = 1;
    for (int64_t i = 0; i < CHECK_NUMBERS; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(int32_t)seed * 0x1p-31f;
        x[i] = dtype == F32 ? x[i] : bf16_to_f32(bf16_from_f32(x[i]));
    }
}

lmvr_status check_read(struct check_side *side, const void *x, bool operands, int64_t count, float *out, lmvr_error *error)
{
    bool wide = !operands || side->arena.operand_dtype == F32;
    bf16 *half = arena_alloc(&side->arena, count, sizeof *half);
    if (!half)
        return check_no_memory(error);
    TRY(side->run->read(&side->arena, wide ? (void *)out : half, x, (size_t)count * (wide ? sizeof *out : sizeof *half),
                        error));
    for (int64_t i = 0; i < count && !wide; i++)
        out[i] = bf16_to_f32(half[i]);
    return LMVR_OK;
}

static lmvr_status run(const struct device *device, enum dtype dtype, const struct check *check, const float *x, float *out,
                       lmvr_error *error)
{
    bool is_cpu = device == device_cpu();
    struct check_side side = {.run = device->operations, .train = device->gradients, .products = is_cpu ? F32 : dtype};
    TRY(arena_init_on(&side.arena, device, dtype, error));
    lmvr_status status = is_cpu ? matmul_create(&side.matmul, error) : LMVR_OK;
    if (status == LMVR_OK)
        status = check->run(&side, x, out, error);
    matmul_free(side.matmul);
    arena_finish(&side.arena);
    return status;
}

static lmvr_status compare(const struct device *device, enum dtype dtype, const struct check *check, const float *x,
                           float *found, float *right, lmvr_error *error)
{
    double tolerance = dtype == F32 ? 1e-4 : 0.03;
    TRY(run(device, dtype, check, x, found, error));
    TRY(run(device_cpu(), dtype, check, x, right, error));
    for (int64_t i = 0; i < check->count; i++)
        if (!(fabs((double)found[i] - (double)right[i]) <= tolerance * fmax(1, fabs((double)right[i]))))
            return error_set(error, LMVR_ERROR_RESOURCE, "%s, %s, computes %s wrongly in %s: %g in place of %g", device->name,
                             device->gpu, check->name, dtype == F32 ? "f32" : "bf16", (double)found[i], (double)right[i]);
    return LMVR_OK;
}

lmvr_status check_all(const struct device *device, const struct check *checks, int count, lmvr_error *error)
{
    struct arena arena;
    arena_init(&arena);
    float *x = arena_floats(&arena, CHECK_NUMBERS), *found = arena_floats(&arena, CHECK_NUMBERS),
          *right = arena_floats(&arena, CHECK_NUMBERS);
    lmvr_status status = x && found && right ? LMVR_OK : check_no_memory(error);
    for (int i = 0; i < 2 * count && status == LMVR_OK; i++) {
        enum dtype dtype = i % 2 ? BF16 : F32;
        if (checks[i / 2].in == (dtype == F32 ? CHECK_BF16 : CHECK_F32))
            continue;
        fill(x, dtype);
        status = compare(device, dtype, &checks[i / 2], x, found, right, error);
    }
    arena_finish(&arena);
    return status;
}
