#!/usr/bin/env bash
# Measures what it costs to depend on wsproto, and on its peers: the crates that are compiled, the CPU time to compile
# them from nothing, and the length of a program.
#
# The programs are in cost/. The packages around them are generated in the target directory, each with a target
# directory of its own. It prints a table; `--update` writes it to README.md. The versions are the newest ones. Needs
# access to the package registry.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

source ./script.sh

readme=README.md
root=$(dirname "$PWD")
packages=$(target_directory Cargo.toml)/cost
host=$(rustc -vV | sed -n 's/^host: //p')
export CARGO_INCREMENTAL=0

# A request, a masked text, and a masked close frame.
printf '%s\r\n' 'GET / HTTP/1.1' 'Host: localhost' 'Connection: Upgrade' 'Upgrade: websocket' \
    'Sec-WebSocket-Version: 13' 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' '' >"$scratch/request"
printf '\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x88\x80\0\0\0\0' >"$scratch/frames"

# Fails unless the program sends the text back.
check() {
    local program=$1 binary=$2
    [ "$program" != nothing ] || return 0
    {
        # A client waits for the response: soketto drops frames that come with the request.
        [ "$program" = wsproto_frames ] || { cat "$scratch/request" && sleep 1; }
        cat "$scratch/frames"
    } | timeout 10 "$binary" >"$scratch/output"
    LC_ALL=C grep --quiet --text --fixed-strings $'\x81\x05Hello' "$scratch/output" || {
        echo "$program does not send the text back" >&2
        return 1
    }
}

# The seconds of user and system time that a command takes, and what it starts.
seconds() {
    local TIMEFORMAT='%U %S'
    { time "$@" 2>"$scratch/log"; } 2>&1 | awk '{ printf "%.1f\n", $1 + $2 }'
    [ "${PIPESTATUS[0]}" = 0 ] || {
        cat "$scratch/log" >&2
        return 1
    }
}

# Prints a row: its title, the program, and the dependencies, of which the first one is measured.
row() {
    local title=$1 program=$2 package=$packages/${1//[^a-z]/_} crates version times
    local dependencies=("${@:3}") measured=${3-}
    rm -rf "$package"
    mkdir -p "$package"
    {
        printf '[package]\nname = "program"\nedition = "2024"\n[workspace]\n[profile.release]\nstrip = true\n'
        printf '[[bin]]\nname = "program"\npath = "%s"\n[dependencies]\n' "$PWD/cost/$program.rs"
        printf '%s\n' "${dependencies[@]}"
    } >"$package/Cargo.toml"
    (
        cd "$package"
        export CARGO_TARGET_DIR=$package/target
        cargo fetch --quiet --target "$host"
        # A crate that is there twice is marked the second time.
        crates=$(cargo tree --offline --edges normal,build --prefix none --format '{p}' |
            sed 's, (\*)$,,' | sort -u | wc -l)
        version=
        [ -z "$measured" ] || version=$(cargo pkgid --offline "${measured%% *}" | sed 's/.*[#@]//')
        times=$(for _ in 1 2; do
            rm -rf target
            seconds cargo build --quiet --offline --release --jobs 2
        done)
        check "$program" target/release/program
        echo "| $title | $version | $((crates - 1)) | $(sort -n <<<"$times" | head -n1) |" \
            "$(($(stat --format %s target/release/program) / 1024)) |"
        rm -rf target
    )
}

wsproto="wsproto = { path = \"$root\""
tokio='tokio = { version = "1", features = ["io-std", "io-util", "rt"] }'
futures='futures-util = { version = "0.3", default-features = false, features = ["sink"] }'
rows() {
    echo "| | version | crates | CPU seconds | KiB |"
    echo "|---|---|---:|---:|---:|"
    row "a program without dependencies" nothing
    row "wsproto" wsproto "$wsproto }"
    row "wsproto, without permessage-deflate" wsproto_plain "$wsproto, default-features = false, features = [\"handshake\", \"std\"] }"
    row "wsproto, frames only" wsproto_frames "$wsproto, default-features = false }"
    row "wsproto, all features" wsproto \
        "$wsproto, features = [\"arbitrary\", \"bytes\", \"http\", \"unsafe-text\", \"wasm_js\"] }"
    row "fastwebsockets, with hyper and tokio" fastwebsockets 'fastwebsockets = { version = "0.10", features = ["upgrade"] }' \
        'hyper = { version = "1", features = ["http1", "server"] }' \
        'hyper-util = { version = "0.1", features = ["tokio"] }' "$tokio"
    row "nexus-web" nexus_web 'nexus-web = "0.8"'
    row "sockudo-ws, without permessage-deflate" sockudo_ws \
        'sockudo-ws = { version = "3", default-features = false, features = ["fastrand", "simd"] }' 'bytes = "1"'
    row "soketto, with futures" soketto 'soketto = "0.8"' \
        'futures = { version = "0.3", default-features = false, features = ["executor"] }'
    row "tokio-tungstenite, with tokio" tokio_tungstenite \
        'tokio-tungstenite = { version = "*", default-features = false, features = ["handshake"] }' "$tokio" "$futures"
    row "tokio-websockets, with tokio" tokio_websockets \
        'tokio-websockets = { version = "0.13", features = ["fastrand", "server", "sha1_smol"] }' "$tokio" "$futures"
    row "tungstenite" tungstenite 'tungstenite = "0.30"'
}

if ! $update; then
    rows
    exit
fi

rows >"$scratch/rows"
awk -v rows="$scratch/rows" -v machine="$(machine)" '
    /^<!-- end of cost -->/ { inside = 0 }
    !inside { print }
    /^<!-- cost -->/ {
        inside = 1
        print "\nMeasured with " machine ":\n"
        while ((getline row < rows) > 0) print row
        print ""
    }' "$readme" >"$scratch/readme"
cp "$scratch/readme" "$readme"
cat "$scratch/rows"
