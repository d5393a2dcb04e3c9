#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs every folder of the corpus through its target once; run by `make check` in the build folder.
# -runs=0 makes a libFuzzer program do just that; replay.c does nothing else.
status=0
for folder in "${srcdir:-.}"/tests/fuzz/corpus/*/; do
    target=$(basename "$folder")
    printf '%s: ' "$target"
    ./tests/fuzz/fuzz_"$target" -runs=0 "$folder" || status=1
done
exit $status
