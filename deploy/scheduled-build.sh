#!/bin/sh
# One scheduled build, for a timer, a crontab, a CronJob or a batch system.
#
#   SYNTH_MODE=extend SYNTH_START=2026-01-01 SYNTH_PER_DAY=2560 scheduled-build +experiment=faces_large output.dir=DIR
#       the dataset has SYNTH_PER_DAY records for each day since SYNTH_START: what it has is kept, the rest rendered
#   SYNTH_MODE=version scheduled-build +experiment=faces_large 'seed=${output.version}' output.dir=DIR
#       DIR/v20260131 is a dataset of its own; those of other days stay as they are
#
# What it asks for depends on the date (UTC) alone. Fired twice on a day, the second one goes on with what the first one
# left, has nothing to do, or is refused while the first one holds the dataset's lock (exit code 2).
# SYNTH_TODAY stands in for the date: to make up for a day that was missed. SYNTH_PYTHON names the interpreter.
set -eu

today=${SYNTH_TODAY:-$(date -u +%Y-%m-%d)}

case "${SYNTH_MODE:?say SYNTH_MODE=extend or SYNTH_MODE=version}" in
extend)
    start=$(date -u -d "${SYNTH_START:?say SYNTH_START=YYYY-MM-DD}" +%s)
    days=$((($(date -u -d "$today" +%s) - start) / 86400 + 1))
    if [ "$days" -lt 1 ]; then
        echo "error: SYNTH_START must not be after $today, got $SYNTH_START" >&2
        exit 2
    fi
    set -- "$@" "num_records=$((days * ${SYNTH_PER_DAY:?say SYNTH_PER_DAY=N}))"
    ;;
version)
    set -- "$@" "output.version=$(date -u -d "$today" +%Y%m%d)"
    ;;
*)
    echo "error: SYNTH_MODE must be extend or version, got $SYNTH_MODE" >&2
    exit 2
    ;;
esac

exec "${SYNTH_PYTHON:-python}" -m synth run "$@"
