#!/usr/bin/env bash
# Counts the instructions that wsproto executes for a message, a handshake or a byte of a head, and compares the counts
# with instructions.tsv.
#
# It fails if a count grew by more than the tolerance. `--update` writes a new table. Needs valgrind. The counts depend
# on the compiler and, because some code is chosen at run time, on the processor: the table's first line names both.
# Each count is the difference between two runs, so that work done once, such as growing a buffer, is not counted.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

table=instructions.tsv
tolerance=${TOLERANCE:-10} # percent
few=10
many=40

source ./counting.sh

# Writes the instructions for one message of a workload to its own file.
measure() {
    local name=$1 messages=$2 low high
    low=$(count "$name-$few" "$name" "$few")
    high=$(count "$name-$many" "$name" "$many")
    awk -v n="$name" -v d=$((high - low)) -v m=$(((many - few) * messages)) \
        'BEGIN { printf "%s\t%.1f\n", n, d / m }' >"$scratch/$name"
}

"$program" list >"$scratch/list"
for_each_line measure <"$scratch/list"
while read -r name _; do cat "$scratch/$name"; done <"$scratch/list" >"$scratch/counts"

if $update; then
    {
        echo "# Instructions a message, or what the name says, $(machine)"
        cat "$scratch/counts"
    } >"$table"
    cat "$table"
    exit
fi

awk -F'\t' -v tolerance="$tolerance" '
    /^#/ { next }
    NR == FNR { before[$1] = $2; next }
    {
        seen[$1] = 1
        verdict = "ok"
        if (!($1 in before)) { verdict = "NOT IN THE TABLE"; failed = 1 }
        else if ($2 > before[$1] * (1 + tolerance / 100)) { verdict = "MORE THAN BEFORE"; failed = 1 }
        else if ($2 < before[$1] * (1 - tolerance / 100)) verdict = "less than before: update the table"
        change = before[$1] > 0 ? sprintf("%+.1f %%", ($2 / before[$1] - 1) * 100) : ""
        printf "%-36s %10s %10s %9s  %s\n", $1, before[$1], $2, change, verdict
    }
    END {
        for (name in before) if (!(name in seen)) { print name ": in the table, but not measured"; failed = 1 }
        exit failed
    }' "$table" "$scratch/counts"
