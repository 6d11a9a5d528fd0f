/*
 * The threads of a block run on fibers. A fiber runs threads one after another, until one waits at a barrier; then another
 * fiber goes on, with a thread that may run or with one that has not begun. So threads that never wait all run on one fiber,
 * without any switching. Fibers are made when they are first needed and kept for later blocks.
 */
#include "emulate.h"

#include <memory>
#include <boost/context/detail/fcontext.hpp>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define OWN_SWITCH 1
#else
#define OWN_SWITCH 0
#endif

using boost::context::detail::fcontext_t;
using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

#define WARP_SIZE     32
#define EVERY         0xffffffffu
#define MOST_THREADS  1024
#define MOST_ARRAYS   64
#define STATIC_SHARED (48 * 1024)
#define MOST_SHARED   (227 * 1024)
#define INLINE                                                                                                                 \
    static inline __attribute__((always_inline)) /* fewer returns that the processor predicts wrongly after a switch */
#define GAP   64                                 /* bytes after each piece of shared memory, which must not change */
#define PAGE  4096
#define STACK (256 * 1024)

__thread uint3 threadIdx, blockIdx, blockDim, gridDim;
__thread uint64_t emulate_block;
__thread unsigned char *emulate_launch_shared;

enum operation { NOTHING, BARRIER, SHUFFLE, MULTIPLY };
static const char *const operation_names[] = {"nothing", "__syncwarp()", "a shuffle", "multiply_16816()"};

struct stack {
    unsigned char *top;
    size_t size;
};

struct fiber {
    fcontext_t context; /* where it waits for a thread to run */
    stack memory;
};

struct thread {
    fcontext_t context; /* where it waits */
    uint3 index;
    const stack *memory;
};

struct fragments {
    float *d;
    const uint32_t *a, *b;
};

/* Copies of a thread that have not taken place. */
struct copy {
    void *to;
    const void *from;
    bool there;
    unsigned batch;
};
struct copies {
    std::vector<copy> waiting;
    unsigned closed; /* batches */
};

struct warp {
    uint32_t lanes, ready, begun, arrived;
    enum operation operation; /* that the lanes that arrived wait at, and its line */
    int line;
    int turn; /* which half of `values` is in use: lanes may read one while others write to the next */
    uint64_t values[2][WARP_SIZE];
    fragments pieces[WARP_SIZE];
};

/* What runs the blocks of one of the process's threads. */
struct machine {
    const char *kernel;
    void (*body)(const void *);
    const void *call;
    unsigned count; /* threads of a block */
    unsigned current, ended;
    unsigned arrived; /* at the block's barrier, and its line */
    int line;
    uint32_t runnable;     /* warps with lanes that are ready */
    bool descending, late; /* late: copies take place when they are waited for */
    fcontext_t home;
    stack home_memory; /* known after the first switch, where a sanitizer asks for it */
    std::vector<fiber *> idle;
    struct warp warps[MOST_THREADS / WARP_SIZE];
    struct thread threads[MOST_THREADS];
    struct copies copies[MOST_THREADS];
    unsigned char *shared;
    size_t shared_used, static_used;
    size_t gaps[MOST_ARRAYS];
    int gap_count;
    int fibers;

    ~machine();
};
static thread_local std::unique_ptr<machine> owned; /* freed when its thread ends */
static thread_local machine *here;                  /* the same, found faster */

[[noreturn]] static void die(const char *what)
{
    fprintf(stderr, "%s, block (%u, %u, %u), thread (%u, %u, %u): %s\n", here->kernel, blockIdx.x, blockIdx.y, blockIdx.z,
            threadIdx.x, threadIdx.y, threadIdx.z, what);
    abort();
}

/* Every thread waits, or has ended. */
[[noreturn]] static void die_waiting(const machine *m)
{
    char text[256];
    for (unsigned w = 0; w * WARP_SIZE < m->count; w++)
        if (m->warps[w].arrived) {
            const warp *p = &m->warps[w];
            snprintf(text, sizeof text, "%d lanes of warp %u wait at %s, line %d, which the others do not reach",
                     __builtin_popcount(p->arrived), w, operation_names[p->operation], p->line);
            die(text);
        }
    snprintf(text, sizeof text, "%u threads wait at __syncthreads(), line %d, and %u have ended", m->arrived, m->line,
             m->ended);
    die(text);
}

/* ---- taking turns ------------------------------------------------------------------------------------------------------- */

/*
 * Goes on at `to`, until what goes on at `from` is switched to. The compiler saves the registers that it still needs, but for
 * two of which it must not be told; Boost.Context saves all of them, and the modes of floating point too, which takes four
 * times as long.
 */
#if OWN_SWITCH
INLINE void switch_to(fcontext_t to, const stack *, fcontext_t *from)
{
    asm volatile("sub $128, %%rsp\n" /* what functions use below their stack */
                 "lea 1f(%%rip), %%rax\n"
                 "push %%rax\n"
                 "push %%rbp\n"
                 "push %%rbx\n"
                 "mov %%rsp, (%0)\n"
                 "mov %1, %%rsp\n"
                 "pop %%rbx\n"
                 "pop %%rbp\n"
                 "pop %%rax\n"
                 "jmp *%%rax\n"
                 "1: add $128, %%rsp\n"
                 : "+D"(from), "+S"(to)
                 :
                 : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", "xmm1", "xmm2", "xmm3",
                   "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc",
                   "memory");
}

static void run_fiber(machine *m);

static void begin_fiber(void)
{
    run_fiber(here);
}

/* As if switch_to() had been called where the fiber begins. */
static fcontext_t new_context(const stack *memory)
{
    void **top = (void **)((uintptr_t)memory->top / 64 * 64) - 8;
    top[2] = (void *)begin_fiber;
    return top;
}
#else
INLINE void switch_to(fcontext_t to, const stack *to_memory, fcontext_t *from)
{
#if defined(__SANITIZE_ADDRESS__)
    void *fake;
    __sanitizer_start_switch_fiber(&fake, to_memory->top - to_memory->size, to_memory->size);
    transfer_t t = jump_fcontext(to, from);
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#else
    (void)to_memory;
    transfer_t t = jump_fcontext(to, from);
#endif
    *static_cast<fcontext_t *>(t.data) = t.fctx;
}

static void run_fiber(machine *m);

static void begin_fiber(transfer_t from)
{
    machine *m = here;
#if defined(__SANITIZE_ADDRESS__)
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(nullptr, &bottom, &size);
    if (!m->home_memory.size)
        m->home_memory = {(unsigned char *)bottom + size, size};
#endif
    *static_cast<fcontext_t *>(from.data) = from.fctx;
    run_fiber(m);
}

static fcontext_t new_context(const stack *memory)
{
    return make_fcontext(memory->top, memory->size, begin_fiber);
}
#endif

/* The next thread to run, which is no longer ready; -1: none is. */
INLINE int take_ready(machine *m)
{
    unsigned w = m->current / WARP_SIZE;
    if (!m->warps[w].ready) {
        if (!m->runnable)
            return -1;
        w = m->descending ? 31u - (unsigned)__builtin_clz(m->runnable) : (unsigned)__builtin_ctz(m->runnable);
    }
    warp *p = &m->warps[w];
    unsigned lane = m->descending ? 31u - (unsigned)__builtin_clz(p->ready) : (unsigned)__builtin_ctz(p->ready);
    p->ready &= ~(1u << lane);
    if (!p->ready)
        m->runnable &= ~(1u << w);
    return (int)(w * WARP_SIZE + lane);
}

static inline bool has_begun(const machine *m, unsigned thread)
{
    return m->warps[thread / WARP_SIZE].begun >> thread % WARP_SIZE & 1;
}

static void run_thread(machine *m, fiber *f)
{
    unsigned i = m->current;
    m->warps[i / WARP_SIZE].begun |= 1u << i % WARP_SIZE;
    unsigned row = 0;
    if (i >= blockDim.x)
        row = i / blockDim.x;
    unsigned layer = row / blockDim.y;
    uint3 index = {i - row * blockDim.x, row - layer * blockDim.y, layer};
    threadIdx = index;
    m->threads[i].index = index;
    m->threads[i].memory = &f->memory;
    m->body(m->call);
    m->ended++;
}

static void run_fiber(machine *m)
{
    fiber *f = m->idle.back();
    m->idle.pop_back();
    for (;;) {
        run_thread(m, f);
        int next = take_ready(m);
        if (next < 0 && m->ended < m->count)
            die_waiting(m);
        bool begun = next >= 0 && has_begun(m, (unsigned)next);
        m->current = next < 0 ? 0 : (unsigned)next;
        if (next >= 0 && !begun)
            continue;
        m->idle.push_back(f);
        if (next < 0)
            switch_to(m->home, &m->home_memory, &f->context);
        else
            switch_to(m->threads[next].context, m->threads[next].memory, &f->context);
        m->idle.pop_back(); /* which is this fiber */
    }
}

/* A sanitizer remembers the frames of a stack, whoever has its memory next. */
static void forget_frames(void *memory)
{
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(memory, STACK + PAGE);
#else
    (void)memory;
#endif
}

/* Leaves a fiber at the end of m->idle. Its stack has a page below it that must not be touched; stacks do not begin at the same
 * place of a page, where they would share few lines of the cache. */
static void make_fiber(machine *m)
{
    void *memory = mmap(nullptr, STACK + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, PAGE, PROT_NONE) != 0)
        die("out of memory for a stack");
    forget_frames(memory);
    size_t size = STACK - (size_t)(m->fibers++ % 61) * 320;
    fiber *f = new fiber;
    f->memory = {(unsigned char *)memory + PAGE + size, size};
    f->context = new_context(&f->memory);
    m->idle.push_back(f);
}

machine::~machine()
{
    for (fiber *f : idle) {
        void *memory = f->memory.top - f->memory.size - PAGE;
        forget_frames(memory);
        munmap(memory, STACK + PAGE);
        delete f;
    }
    delete[] shared;
}

/* Runs m->current, which is ready, until what is at `from` goes on. */
INLINE void go_on(machine *m, fcontext_t *from)
{
    unsigned i = m->current;
    if (has_begun(m, i)) {
        switch_to(m->threads[i].context, m->threads[i].memory, from);
        return;
    }
    if (m->idle.empty())
        make_fiber(m);
    switch_to(m->idle.back()->context, &m->idle.back()->memory, from);
}

/* Lets others run until the current thread is ready again. */
INLINE void wait(machine *m)
{
    unsigned me = m->current;
    int next = take_ready(m);
    if (next < 0)
        die_waiting(m);
    m->current = (unsigned)next;
    go_on(m, &m->threads[me].context);
    m->current = me;
    threadIdx = m->threads[me].index;
}

void emulate_block_barrier(int line)
{
    machine *m = here;
    if (m->arrived && m->line != line)
        die("threads wait at two different __syncthreads()");
    m->line = line;
    if (++m->arrived < m->count) {
        wait(m);
        return;
    }
    m->arrived = 0;
    for (unsigned w = 0; w * WARP_SIZE < m->count; w++) {
        m->warps[w].ready = m->warps[w].lanes;
        m->runnable |= 1u << w;
    }
    unsigned me = m->current / WARP_SIZE;
    m->warps[me].ready &= ~(1u << m->current % WARP_SIZE);
    if (!m->warps[me].ready)
        m->runnable &= ~(1u << me);
}

/* Notes that the current lane has arrived. Returns whether it is the last, so that all may go on. */
static inline bool arrive(machine *m, warp *p, enum operation operation, int line)
{
    if (p->arrived && (p->operation != operation || p->line != line))
        die("lanes of a warp wait at different lines");
    p->operation = operation;
    p->line = line;
    p->arrived |= 1u << m->current % WARP_SIZE;
    return p->arrived == p->lanes;
}

static inline void release(machine *m, warp *p)
{
    p->arrived = 0;
    p->turn ^= 1;
    p->ready = p->lanes & ~(1u << m->current % WARP_SIZE);
    if (p->ready)
        m->runnable |= 1u << m->current / WARP_SIZE;
}

void emulate_warp_barrier(int line)
{
    machine *m = here;
    warp *p = &m->warps[m->current / WARP_SIZE];
    if (arrive(m, p, BARRIER, line))
        release(m, p);
    else
        wait(m);
}

static warp *whole_warp(machine *m)
{
    warp *p = &m->warps[m->current / WARP_SIZE];
    if (p->lanes != EVERY)
        die("a warp that is not whole does something together");
    return p;
}

uint64_t emulate_shuffle(unsigned mask, uint64_t value, unsigned keep, unsigned flip, int line)
{
    machine *m = here;
    warp *p = whole_warp(m);
    if (mask != EVERY)
        die("a shuffle is not for every lane");
    uint64_t *values = p->values[p->turn];
    unsigned lane = m->current % WARP_SIZE;
    values[lane] = value;
    if (arrive(m, p, SHUFFLE, line))
        release(m, p);
    else
        wait(m);
    return values[((lane & keep) ^ flip) % WARP_SIZE];
}

/* ---- the tensor cores --------------------------------------------------------------------------------------------------- */

static inline float low(uint32_t pair)
{
    return __uint_as_float(pair << 16);
}
static inline float high(uint32_t pair)
{
    return __uint_as_float(pair & 0xffff0000);
}

typedef float vector __attribute__((vector_size(16)));

static void multiply_pieces(const fragments *pieces)
{
    float a[16][16];
    vector b[16][2];
    for (int lane = 0; lane < WARP_SIZE; lane++) {
        int g = lane / 4, t = lane % 4 * 2;
        const uint32_t *x = pieces[lane].a, *y = pieces[lane].b;
        for (int i = 0; i < 4; i++) {
            a[g + i % 2 * 8][t + i / 2 * 8] = low(x[i]);
            a[g + i % 2 * 8][t + i / 2 * 8 + 1] = high(x[i]);
        }
        for (int i = 0; i < 2; i++) {
            b[t + i * 8][g / 4][g % 4] = low(y[i]);
            b[t + i * 8 + 1][g / 4][g % 4] = high(y[i]);
        }
    }
    for (int row = 0; row < 16; row++) {
        vector left = {0}, right = {0};
        for (int k = 0; k < 16; k++) {
            left += a[row][k] * b[k][0];
            right += a[row][k] * b[k][1];
        }
        const fragments *four = pieces + row % 8 * 4; /* lanes that have the row */
        for (int i = 0; i < 4; i++)
            four[i / 2].d[row / 8 * 2 + i % 2] += left[i];
        for (int i = 0; i < 4; i++)
            four[2 + i / 2].d[row / 8 * 2 + i % 2] += right[i];
    }
}

/* The last lane to arrive multiplies for all. */
void multiply_16816(float d[4], const uint32_t a[4], const uint32_t b[2], int line)
{
    machine *m = here;
    warp *p = whole_warp(m);
    p->pieces[m->current % WARP_SIZE] = {d, a, b};
    if (arrive(m, p, MULTIPLY, line)) {
        multiply_pieces(p->pieces);
        release(m, p);
    } else
        wait(m);
}

/* ---- copies to shared memory --------------------------------------------------------------------------------------------- */

void emulate_check_aligned(const void *memory)
{
    if ((uintptr_t)memory % 16 != 0)
        die("16 bytes are not aligned");
}

static void take_place(const copy *c)
{
    if (c->there)
        memcpy(c->to, c->from, 16);
    else
        memset(c->to, 0, 16);
}

void copy_16(void *to, const void *from, bool there)
{
    machine *m = here;
    copy c = {to, from, there, m->copies[m->current].closed};
    emulate_check_aligned(to);
    if (there)
        emulate_check_aligned(from);
    if (m->late)
        m->copies[m->current].waiting.push_back(c);
    else
        take_place(&c);
}

void copies_close(void)
{
    here->copies[here->current].closed++;
}

void emulate_copies_wait(unsigned left)
{
    copies *mine = &here->copies[here->current];
    size_t done = 0;
    for (; done < mine->waiting.size() && mine->waiting[done].batch + left < mine->closed; done++)
        take_place(&mine->waiting[done]);
    mine->waiting.erase(mine->waiting.begin(), mine->waiting.begin() + (ptrdiff_t)done);
}

/* ---- shared memory ------------------------------------------------------------------------------------------------------ */

static unsigned char *place(machine *m, size_t size)
{
    unsigned char *at = m->shared + m->shared_used;
    size_t whole = (size + 15) / 16 * 16;
    if (m->gap_count == MOST_ARRAYS)
        die("too many shared arrays");
    memset(at, 0xff, whole + GAP);
    m->gaps[m->gap_count++] = m->shared_used + size;
    m->shared_used += whole + GAP;
    return at;
}

void *emulate_place(struct emulate_array *array, size_t size)
{
    machine *m = here;
    m->static_used += (size + 15) / 16 * 16;
    if (m->static_used > STATIC_SHARED)
        die("a block's shared arrays are larger than 48 KiB");
    if (m->static_used + m->gaps[0] > MOST_SHARED)
        die("a block has more than 227 KiB of shared memory");
    *array = {emulate_block, place(m, size)};
    return array->at;
}

static void check_gaps(const machine *m)
{
    static const unsigned char unchanged[GAP] = {
#define EIGHT 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
        EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT};
    for (int i = 0; i < m->gap_count; i++)
        if (memcmp(m->shared + m->gaps[i], unchanged, GAP) != 0)
            die("the block wrote beyond its shared memory");
}

/* ---- launches ----------------------------------------------------------------------------------------------------------- */

static void run_block(machine *m, size_t shared)
{
    emulate_block++;
    m->descending = emulate_block % 2;
    m->late = emulate_block / 2 % 2;
    for (unsigned i = 0; i < m->count; i++)
        m->copies[i].waiting.clear(), m->copies[i].closed = 0;
    m->ended = m->arrived = 0;
    m->runnable = 0;
    for (unsigned w = 0; w * WARP_SIZE < m->count; w++) {
        warp *p = &m->warps[w];
        unsigned lanes = m->count - w * WARP_SIZE;
        p->ready = p->lanes = lanes >= WARP_SIZE ? EVERY : (1u << lanes) - 1;
        p->begun = p->arrived = 0;
        m->runnable |= 1u << w;
    }
    m->shared_used = m->static_used = 0;
    m->gap_count = 0;
    emulate_launch_shared = place(m, shared);
    m->current = m->descending ? m->count - 1 : 0;
    m->current = (unsigned)take_ready(m);
    go_on(m, &m->home);
    check_gaps(m);
}

static machine *start(const char *name)
{
    if (!here) {
        owned.reset(new machine());
        here = owned.get();
        here->shared = new unsigned char[MOST_SHARED + MOST_ARRAYS * (GAP + 16)];
        here->idle.reserve(MOST_THREADS);
    }
    here->kernel = name;
    threadIdx = blockIdx = {0, 0, 0};
    return here;
}

void emulate_run(const char *name, dim3 grid, dim3 block, size_t shared, void (*thread)(const void *), const void *call)
{
    machine *m = start(name);
    m->body = thread;
    m->call = call;
    if ((uint64_t)block.x * block.y * block.z > MOST_THREADS || block.z > 64)
        die("a block has too many threads");
    m->count = block.x * block.y * block.z;
    if (m->count == 0 || grid.x == 0 || grid.y == 0 || grid.z == 0)
        die("a launch of nothing");
    if (grid.x > INT32_MAX || grid.y > 65535 || grid.z > 65535)
        die("a grid is too large");
    if (shared > MOST_SHARED)
        die("a block has more than 227 KiB of shared memory");
    blockDim = {block.x, block.y, block.z};
    gridDim = {grid.x, grid.y, grid.z};
    for (unsigned z = 0; z < grid.z; z++)
        for (unsigned y = 0; y < grid.y; y++)
            for (unsigned x = 0; x < grid.x; x++) {
                blockIdx = {x, y, z};
                run_block(m, shared);
            }
}
