/* Output of the probe commands: text, or JSON with --json. */
#ifndef LMVR_CLI_PROBE_REPORT_H
#define LMVR_CLI_PROBE_REPORT_H

#include "lab/probe/metrics.h"
#include "lab/probe/probe.h"

/* False: standard output failed, or out of memory; an error was printed. */
bool probe_report_fit(const struct probe *probe, const struct probe_report *report, bool json);
bool probe_report_score(const struct probe *probe, const struct labels *labels, const struct metrics *metrics, double loss,
                        bool json);

#endif
