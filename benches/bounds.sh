#!/usr/bin/env bash
# Counts the instructions that each byte of a hostile input costs, and checks that
#
# - no input costs more than 10 times as much as an honest one of the same feature;
# - an input that is four times as long costs no more for a byte;
# - no cost has grown by more than the tolerance since bounds.tsv was written;
# - the table in guide/costs.md has these figures.
#
# `--update` writes both tables. Needs valgrind. See `tests/hostile/mod.rs` for the inputs, and `instructions.sh` for
# what the counts depend on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

table=bounds.tsv
guide=../guide/costs.md
tolerance=${TOLERANCE:-20} # percent
most=10                    # times the honest cost
short=4000                 # bytes
long=16000

source ./counting.sh

# Writes the instructions for a byte of an input, short and long, to its own file.
measure() {
    local name=$1 honest=$2 what=$3 low high
    low=$(count "$name-$short" bound "$name" "$short")
    high=$(count "$name-$long" bound "$name" "$long")
    awk -v n="$name" -v h="$honest" -v w="$what" -v low="$low" -v high="$high" \
        -v low_len="$(cat "$scratch/$name-$short.out")" -v high_len="$(cat "$scratch/$name-$long.out")" \
        'BEGIN { printf "%s\t%s\t%.1f\t%.1f\t%s\n", n, h, low / low_len, high / high_len, w }' >"$scratch/$name"
}

"$program" bounds >"$scratch/list"
for_each_line measure <"$scratch/list"
while IFS=$'\t' read -r name _; do cat "$scratch/$name"; done <"$scratch/list" >"$scratch/counts"

# Fails if an input breaks a bound.
awk -F'\t' -v most="$most" '
    NR == FNR { long[$1] = $4; next }
    FNR == 1 { printf "%-28s %10s %10s  %-16s %6s\n", "input", "short", "long", "honest", "times" }
    {
        verdict = "ok"
        if (!($2 in long)) verdict = "NO HONEST INPUT"
        else if ($4 > most * long[$2]) verdict = "MORE THAN " most " TIMES"
        else if ($4 > 1.2 * $3) verdict = "NOT LINEAR"
        if (verdict != "ok") failed = 1
        printf "%-28s %10.1f %10.1f  %-16s %6.1f  %s\n", $1, $3, $4, $2, $4 / long[$2], verdict
    }
    END { exit failed }' "$scratch/counts" "$scratch/counts"

# The rows of the guide, from a table of counts: the costs of 16,000 bytes.
rows() {
    awk -F'\t' '
        /^#/ { next }
        NR == FNR { honest[$1] = $4; what[$1] = $5; next }
        $1 == $2 { printf "| %s | %.0f | | |\n", $5, $4; next }
        { printf "| %s | %.0f | %s: %.0f | %.1f |\n", $5, $4, what[$2], honest[$2], $4 / honest[$2] }' "$1" "$1"
}

if $update; then
    {
        echo "# Input, the honest one, instructions a byte of 4,000 and of 16,000 bytes, what it is; $(machine)"
        cat "$scratch/counts"
    } >"$table"
    rows "$table" >"$scratch/rows"
    awk -v rows="$scratch/rows" '
        /^<!-- work -->/ { inside = 1 }
        /^<!-- end of work -->/ { inside = 0 }
        inside && /^\| / && !/^\| what / { next }
        { print }
        inside && /^\|---/ { while ((getline row < rows) > 0) print row }' "$guide" >"$scratch/guide"
    cp "$scratch/guide" "$guide"
    exit
fi

awk -F'\t' -v tolerance="$tolerance" '
    /^#/ { next }
    NR == FNR { before[$1] = $4; next }
    {
        seen[$1] = 1
        if (!($1 in before)) { print $1 ": not in the table"; failed = 1 }
        else if ($4 > before[$1] * (1 + tolerance / 100)) {
            print $1 ": " $4 " instructions a byte, more than the " before[$1] " before"
            failed = 1
        }
    }
    END {
        for (name in before) if (!(name in seen)) { print name ": in the table, but not measured"; failed = 1 }
        exit failed
    }' "$table" "$scratch/counts"

sed -n '/^<!-- work -->$/,/^<!-- end of work -->$/p' "$guide" | grep '^| ' | sed 1d >"$scratch/published"
if ! diff "$scratch/published" <(rows "$table"); then
    echo "$guide has other figures than $table: run $0 --update" >&2
    exit 1
fi
