#include "emulate_graph.h"

#include <cstddef>
#include <memory>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vector>

struct node {
    void (*run)(const void *arguments);
    std::unique_ptr<std::max_align_t[]> arguments;
};

struct emulated_graph {
    std::vector<node> nodes;
};

static thread_local struct emulated_graph *captured;

void emulate_capture_begin(void)
{
    emulate_forbid("a capture begins in a capture");
    captured = new emulated_graph();
}

struct emulated_graph *emulate_capture_end(void)
{
    struct emulated_graph *graph = captured;
    captured = NULL;
    return graph;
}

bool emulate_captures(void)
{
    return captured != NULL;
}

void emulate_forbid(const char *what)
{
    if (!captured)
        return;
    fprintf(stderr, "emulated GPU: in a capture, %s\n", what);
    abort();
}

void emulate_keep(void (*run)(const void *arguments), const void *arguments, size_t size)
{
    size_t pieces = (size + sizeof(std::max_align_t) - 1) / sizeof(std::max_align_t);
    struct node node = {run, std::unique_ptr<std::max_align_t[]>(new std::max_align_t[pieces])};
    memcpy(node.arguments.get(), arguments, size);
    captured->nodes.push_back(std::move(node));
}

void emulated_graph_run(const struct emulated_graph *graph)
{
    for (const auto &node : graph->nodes)
        node.run(node.arguments.get());
}

void emulated_graph_free(struct emulated_graph *graph)
{
    delete graph;
}
