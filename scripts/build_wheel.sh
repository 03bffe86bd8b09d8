#!/usr/bin/env bash
# Builds the wheel for a Rust target, with zig as its linker and C library:
#   scripts/build_wheel.sh TARGET FOLDER     (maturin and ziglang are those of the python on the PATH)
# A target that the installed Rust lacks (rustup target add TARGET) is built by Debian's rustc on x86-64: Debian has
# the standard library for aarch64, and its source, from which those for musl are built. Nothing is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$1 folder=$2

can_build() {
    [ -d "$("$1" --print target-libdir --target "$target")" ]
}

debian=$PWD/target/debian/rust
if ! can_build rustc; then
    if [ ! -e "$debian/rustc" ]; then
        echo "build_wheel: no standard library for $target here; fetching Debian's Rust" >&2
        scripts/debian_unpack.sh arm64 "$debian" libstd-rust-web-dev
        scripts/debian_unpack.sh amd64 "$debian" rustc-web rust-web-src
        printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s --sysroot=%s "$@"\n' \
            "$debian/usr/lib/x86_64-linux-gnu" "$debian/usr/bin/rustc" "$debian/usr" > "$debian/rustc.part"
        chmod +x "$debian/rustc.part"
        mv "$debian/rustc.part" "$debian/rustc"
    fi
    export RUSTC=$debian/rustc
    if ! can_build "$RUSTC"; then
        export RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_unwind
    fi
fi

case $target in
    *-gnu) compatibility=manylinux_2_17 ;;
    *-musl) compatibility=musllinux_1_2 ;;
    *) echo "build_wheel: TARGET: expected one of Linux, found $target" >&2; exit 2 ;;
esac
maturin build --release --locked --zig --compression-level 9 --compatibility "$compatibility" --target "$target" --out "$folder"
