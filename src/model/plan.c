#include "model/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void plan_finish(struct plan *plan)
{
    free(plan->items);
    *plan = (struct plan){0};
}

/* Room for one more, zeroed; NULL: out of memory. */
static struct planned *add(struct plan *plan)
{
    if (plan->count == plan->space) {
        size_t space = plan->space ? 2 * plan->space : 64;
        struct planned *items = reallocarray(plan->items, space, sizeof *items);
        if (!items)
            return NULL;
        plan->items = items;
        plan->space = space;
    }
    plan->items[plan->count] = (struct planned){0};
    return &plan->items[plan->count++];
}

static bool is_planned(const struct plan *plan, const char *name, bool is_kept, enum dtype dtype)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct planned *item = &plan->items[i];
        bool alike = item->is_kept == is_kept && (is_kept || item->dtype == dtype);
        if (alike && item->count == 1 && strcmp(item->tensors[0].name, name) == 0)
            return true;
    }
    return false;
}

static lmvr_status plan_one(struct plan *plan, const char *name, const struct checkpoint_tensor *tensor, bool is_kept,
                            enum dtype dtype, lmvr_error *error)
{
    if (is_planned(plan, name, is_kept, dtype))
        return LMVR_OK;
    struct planned *item = add(plan);
    if (!item)
        return error_no_memory(error, name);
    *item = (struct planned){.count = 1, .tensors = {{.tensor = *tensor}}, .is_kept = is_kept, .dtype = dtype};
    snprintf(item->tensors[0].name, sizeof item->tensors[0].name, "%s", name);
    return LMVR_OK;
}

lmvr_status plan_kept(struct plan *plan, const char *name, const struct checkpoint_tensor *tensor, lmvr_error *error)
{
    return plan_one(plan, name, tensor, true, F32, error);
}

lmvr_status plan_tensor(struct plan *plan, const char *name, const struct checkpoint_tensor *tensor, enum dtype dtype,
                        lmvr_error *error)
{
    return plan_one(plan, name, tensor, false, dtype, error);
}

lmvr_status plan_matrix(struct plan *plan, const struct planned_tensor *tensors, int count, int64_t in, enum dtype dtype,
                        lmvr_error *error)
{
    struct planned *item = add(plan);
    if (!item)
        return error_no_memory(error, tensors[0].name);
    *item = (struct planned){.count = count, .in = in, .dtype = dtype};
    memcpy(item->tensors, tensors, (size_t)count * sizeof *tensors);
    return LMVR_OK;
}
