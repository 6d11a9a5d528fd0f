#include "serve/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_SERIES 128 /* pairs of a path and a status; what comes beyond is not counted */
#define MOST_PATHS  16

static const double bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};
#define BOUNDS (sizeof bounds / sizeof *bounds)

struct series {
    const char *path;
    int status;
    uint64_t count;
};

struct histogram {
    const char *path;
    uint64_t counts[BOUNDS + 1];
    double seconds;
};

struct metrics {
    pthread_mutex_t lock;
    struct series series[MOST_SERIES];
    struct histogram histograms[MOST_PATHS];
    size_t series_count, path_count;
    uint64_t inputs, prompt_tokens, generated_tokens;
};

struct metrics *metrics_create(void)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);
    if (metrics)
        pthread_mutex_init(&metrics->lock, NULL);
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (metrics)
        pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

static void count_status(struct metrics *m, const char *path, int status)
{
    size_t i = 0;
    while (i < m->series_count && (m->series[i].status != status || strcmp(m->series[i].path, path) != 0))
        i++;
    if (i == MOST_SERIES)
        return;
    if (i == m->series_count)
        m->series[m->series_count++] = (struct series){path, status, 0};
    m->series[i].count++;
}

static void count_time(struct metrics *m, const char *path, double seconds)
{
    size_t i = 0, bucket = 0;
    while (i < m->path_count && strcmp(m->histograms[i].path, path) != 0)
        i++;
    if (i == MOST_PATHS)
        return;
    if (i == m->path_count)
        m->histograms[m->path_count++] = (struct histogram){.path = path};
    while (bucket < BOUNDS && seconds > bounds[bucket])
        bucket++;
    m->histograms[i].counts[bucket]++;
    m->histograms[i].seconds += seconds;
}

void metrics_count_request(struct metrics *metrics, const char *path, int status, double seconds)
{
    pthread_mutex_lock(&metrics->lock);
    count_status(metrics, path, status);
    count_time(metrics, path, seconds);
    pthread_mutex_unlock(&metrics->lock);
}

void metrics_count_input(struct metrics *metrics, size_t prompt_tokens, size_t generated_tokens)
{
    pthread_mutex_lock(&metrics->lock);
    metrics->inputs++;
    metrics->prompt_tokens += prompt_tokens;
    metrics->generated_tokens += generated_tokens;
    pthread_mutex_unlock(&metrics->lock);
}

static void print(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name, (unsigned long long)value);
}

static void print_histograms(const struct metrics *m, FILE *out)
{
    static const char name[] = "lmvr_request_seconds";
    fprintf(out, "# HELP %s Time from a request to its answer.\n# TYPE %s histogram\n", name, name);
    for (size_t i = 0; i < m->path_count; i++) {
        const struct histogram *h = &m->histograms[i];
        uint64_t sum = 0;
        for (size_t b = 0; b < BOUNDS; b++) {
            sum += h->counts[b];
            fprintf(out, "%s_bucket{path=\"%s\",le=\"%g\"} %llu\n", name, h->path, bounds[b], (unsigned long long)sum);
        }
        sum += h->counts[BOUNDS];
        fprintf(out, "%s_bucket{path=\"%s\",le=\"+Inf\"} %llu\n", name, h->path, (unsigned long long)sum);
        fprintf(out, "%s_sum{path=\"%s\"} %.9g\n%s_count{path=\"%s\"} %llu\n", name, h->path, h->seconds, name, h->path,
                (unsigned long long)sum);
    }
}

char *metrics_text(struct metrics *metrics, const struct sessions_state *state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    pthread_mutex_lock(&metrics->lock);
    fputs("# HELP lmvr_requests_total Requests that have been answered.\n# TYPE lmvr_requests_total counter\n", out);
    for (size_t i = 0; i < metrics->series_count; i++)
        fprintf(out, "lmvr_requests_total{path=\"%s\",status=\"%d\"} %llu\n", metrics->series[i].path,
                metrics->series[i].status, (unsigned long long)metrics->series[i].count);
    print_histograms(metrics, out);
    print(out, "lmvr_inputs_total", "counter", "Images and texts that have been computed.", metrics->inputs);
    print(out, "lmvr_prompt_tokens_total", "counter", "Positions of prompts, images included.", metrics->prompt_tokens);
    print(out, "lmvr_generated_tokens_total", "counter", "Tokens of responses.", metrics->generated_tokens);
    pthread_mutex_unlock(&metrics->lock);
    print(out, "lmvr_inputs_waiting", "gauge", "Inputs that have no place in a batch yet.", state->waiting);
    print(out, "lmvr_inputs_running", "gauge", "Inputs that the model has.", state->running);
    print(out, "lmvr_batch_size", "gauge", "Responses that can be generated at once, of all sessions.", (uint64_t)state->batch);
    print(out, "lmvr_sessions", "gauge", "Sessions, each with features of its own.", (uint64_t)state->sessions);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
