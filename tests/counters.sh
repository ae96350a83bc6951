#!/bin/sh
# Stands between cargo and the compiler for the crates of this workspace: counters at every edge of their code, for libFuzzer, and some
# optimisation. All of it is stable, and cargo keeps what it makes apart from the ordinary builds.
case " $* " in
# What runs while building has no libFuzzer.
*" build_script_"* | *" proc-macro "*) exec "$@" ;;
esac
exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Copt-level=2 -Ccodegen-units=16
