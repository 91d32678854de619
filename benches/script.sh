# What the scripts of this directory have in common. To be sourced, in this directory. It reads the arguments of the
# script that sources it.

update=false
case "${1-}" in
"") ;;
--update) update=true ;;
*)
    echo "Usage: $0 [--update]" >&2
    exit 2
    ;;
esac

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The target directory of a package.
target_directory() {
    cargo metadata --no-deps --format-version 1 --manifest-path "$1" |
        sed 's/.*"target_directory":"\([^"]*\)".*/\1/'
}

# What the results depend on.
machine() {
    echo "$(rustc --version | cut -d' ' -f1-2), $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n1)"
}
