/* Graphs of the emulation: while a thread captures, its launches and what is given to emulate_keep() are kept, with their
 * arguments as they are then, and run when the graph is. */
#ifndef LMVR_TESTS_TENSOR_CUDA_EMULATE_GRAPH_H
#define LMVR_TESTS_TENSOR_CUDA_EMULATE_GRAPH_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct emulated_graph;

void emulate_capture_begin(void);
struct emulated_graph *emulate_capture_end(void);
bool emulate_captures(void);
/* Ends the process with a sentence where the thread captures: CUDA forbids then what is said to be done. */
void emulate_forbid(const char *what);

void emulate_keep(void (*run)(const void *arguments), const void *arguments, size_t size);
void emulated_graph_run(const struct emulated_graph *graph);
void emulated_graph_free(struct emulated_graph *graph); /* NULL is allowed */

#ifdef __cplusplus
}
#endif

#endif
