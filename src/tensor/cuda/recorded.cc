#include "tensor/cuda/recorded.h"

#include <new>
#include <stdlib.h>
#include <string.h>
#include <tuple>

/* What a call in a log begins with; its arguments follow. */
struct call {
    lmvr_status (*run)(const struct cuda_api *api, struct cuda_queue *queue, const struct call *call, lmvr_error *error);
    size_t size;
};

/* Room for a call, zeroed, as its bytes are compared; NULL: out of memory. */
static void *add_call(void *queue, size_t size)
{
    struct log *log = static_cast<struct log *>(queue);
    if (log->used + size > log->room) {
        size_t room = 2 * (log->used + size);
        void *calls = realloc(log->calls, room);
        if (!calls) {
            log->failed = true;
            return NULL;
        }
        log->calls = static_cast<unsigned char *>(calls);
        log->room = room;
    }
    void *room = memset(log->calls + log->used, 0, size);
    log->used += size;
    return room;
}

lmvr_status log_run(const struct log *log, const struct cuda_api *api, struct cuda_queue *queue, lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
    for (size_t at = 0; at < log->used && status == LMVR_OK;) {
        const struct call *call = reinterpret_cast<const struct call *>(log->calls + at);
        status = call->run(api, queue, call, error);
        at += call->size;
    }
    return status;
}

/* ---- arguments ---------------------------------------------------------------------------------------------------------- */

/* An argument is kept as it is; where it points to a description of the host's, that is kept in its place. */
template <class T> struct kept {
    typedef T type;
    static T take(T argument)
    {
        return argument;
    }
    static T give(const T &argument)
    {
        return argument;
    }
};
template <class T> struct kept_description {
    typedef T type;
    static const T &take(const T *argument)
    {
        return *argument;
    }
    static const T *give(const T &argument)
    {
        return &argument;
    }
};
template <> struct kept<const struct cuda_norm *> : kept_description<struct cuda_norm> {
};
template <> struct kept<const struct cuda_quantized *> : kept_description<struct cuda_quantized> {
};
template <> struct kept<const struct cuda_heads *> : kept_description<struct cuda_heads> {
};
template <> struct kept<const struct cuda_groups *> : kept_description<struct cuda_groups> {
};
template <> struct kept<const struct cuda_spans *> : kept_description<struct cuda_spans> {
};

template <class... Arguments> struct call_of : call {
    std::tuple<typename kept<Arguments>::type...> arguments;

    static void add(void *queue, decltype(call::run) run, Arguments... arguments)
    {
        void *room = add_call(queue, sizeof(call_of));
        if (!room)
            return;
        call_of *c = static_cast<call_of *>(room);
        c->run = run;
        c->size = sizeof *c;
        new (&c->arguments) std::tuple<typename kept<Arguments>::type...>(kept<Arguments>::take(arguments)...);
    }

    /* Calls `function` with the arguments behind what it is given. */
    template <class Function, class... Before> static auto make(const struct call *call, Function function, Before... before)
    {
        return std::apply(
            [&](const typename kept<Arguments>::type &...arguments) {
                return function(before..., kept<Arguments>::give(arguments)...);
            },
            static_cast<const call_of *>(call)->arguments);
    }
};

/* ---- a function of the table, as one that adds a call of it -------------------------------------------------------------- */

template <class Member, Member member> struct recorded;

template <class... Arguments, void (*cuda_api::*member)(cuda_stream, Arguments...)>
struct recorded<void (*cuda_api::*)(cuda_stream, Arguments...), member> {
    static lmvr_status run(const struct cuda_api *api, struct cuda_queue *queue, const struct call *call, lmvr_error *)
    {
        call_of<Arguments...>::make(call, api->*member, api->stream(queue));
        return LMVR_OK;
    }
    static void add(cuda_stream log, Arguments... arguments)
    {
        call_of<Arguments...>::add(log, run, arguments...);
    }
};

template <class... Arguments, void (*cuda_api::*member)(struct cuda_queue *, Arguments...)>
struct recorded<void (*cuda_api::*)(struct cuda_queue *, Arguments...), member> {
    static lmvr_status run(const struct cuda_api *api, struct cuda_queue *queue, const struct call *call, lmvr_error *)
    {
        call_of<Arguments...>::make(call, api->*member, queue);
        return LMVR_OK;
    }
    static void add(struct cuda_queue *log, Arguments... arguments)
    {
        call_of<Arguments...>::add(log, run, arguments...);
    }
};

typedef call_of<const struct cuda_matrix *, int64_t, const void *, const float *, enum cuda_result, void *> multiplication;

static lmvr_status run_multiply(const struct cuda_api *api, struct cuda_queue *queue, const struct call *call,
                                lmvr_error *error)
{
    auto multiply = [&](const struct cuda_matrix *matrix, int64_t rows, const void *x, const float *bias,
                        enum cuda_result result,
                        void *y) { return api->multiply(queue, matrix, rows, x, bias, result, y, error); };
    return multiplication::make(call, multiply);
}

static lmvr_status add_multiply(struct cuda_queue *log, const struct cuda_matrix *matrix, int64_t rows, const void *x,
                                const float *bias, enum cuda_result result, void *y, lmvr_error *)
{
    multiplication::add(log, run_multiply, matrix, rows, x, bias, result, y);
    return LMVR_OK; /* failures are told when the log is run */
}

#define RECORDED(name) recorded<decltype(&cuda_api::name), &cuda_api::name>::add

static struct cuda_api make_api()
{
    struct cuda_api api = {};
    api.version = CUDA_API_VERSION;
    api.copy = RECORDED(copy);
    api.zero = RECORDED(zero);
    api.multiply = add_multiply;
    api.norm = RECORDED(norm);
    api.activate = RECORDED(activate);
    api.gate = RECORDED(gate);
    api.convert = RECORDED(convert);
    api.embed = RECORDED(embed);
    api.gather = RECORDED(gather);
    api.add_rows = RECORDED(add_rows);
    api.add_table = RECORDED(add_table);
    api.pool = RECORDED(pool);
    api.argmax = RECORDED(argmax);
    api.sample = RECORDED(sample);
    api.quantized_multiply = RECORDED(quantized_multiply);
    api.heads = RECORDED(heads);
    api.attention_groups = RECORDED(attention_groups);
    api.weigh_groups = RECORDED(weigh_groups);
    api.attention_cache = RECORDED(attention_cache);
    api.weigh_cache = RECORDED(weigh_cache);
    return api;
}

const struct cuda_api *recorded_api(void)
{
    static const struct cuda_api api = make_api();
    return &api;
}
