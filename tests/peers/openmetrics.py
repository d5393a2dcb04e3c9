# SPDX-License-Identifier: Apache-2.0
"""Reads two pages of metrics as Prometheus' own client library does, and compares them.

usage: openmetrics.py TEXT_PAGE OPENMETRICS_PAGE MANUAL

The parser of OpenMetrics is a strict one: heads, units, suffixes, order of buckets, the end. Prints
what is wrong, a line each, and then "done" and the number of samples."""

import sys

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client import parser as text


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def series(families):
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}


def main():
    in_text = series(text.text_string_to_metric_families(read(sys.argv[1])))
    families = list(openmetrics.text_string_to_metric_families(read(sys.argv[2])))
    in_open = series(families)
    manual = read(sys.argv[3])
    for name in sorted(set(in_text) ^ set(in_open)):
        print("only in one of the formats:", name)
    for f in families:
        shown = f.name + {"counter": "_total", "info": "_info"}.get(f.type, "")
        if f"| `{shown}` | {f.type} |" not in manual:
            print("not in the manual:", shown, f.type)
        if not f.documentation:
            print("without help:", shown)
        for unit in ("seconds", "bytes"):
            if f.name.endswith("_" + unit) and f.unit != unit:
                print("without its unit:", shown)
    print("done", len(in_open))


main()
