# Builds the workloads, and counts their instructions with callgrind. To be sourced, in this directory. It reads the
# arguments of the script that sources it.

source ./script.sh

manifest=instructions/Cargo.toml
# Incremental builds inline other functions.
CARGO_INCREMENTAL=0 cargo build --quiet --release --locked --manifest-path "$manifest"
program=$(target_directory "$manifest")/release/instructions

# The instructions of the program's measured functions with these arguments. What it prints is in the scratch
# directory's file `NAME.out`; the first argument is the name.
count() {
    local log=$scratch/$1.log name=$1
    shift
    valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no \
        --toggle-collect='*measured_*' "$program" "$@" 2>"$log" >"$scratch/$name.out" || {
        cat "$log" >&2
        return 1
    }
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$log"
}

# Reads lines, and runs a command for each in the background, as many at a time as there are processors.
for_each_line() {
    local line
    while IFS=$'\t' read -r -a line; do
        "$@" "${line[@]}" &
        while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
    done
    while [ -n "$(jobs -rp)" ]; do wait -n; done
}
