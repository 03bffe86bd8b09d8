#!/usr/bin/env bash
# Unpacks packages of Debian, for any architecture and with what they depend on, into a folder; installs nothing:
#   scripts/debian_unpack.sh ARCHITECTURE FOLDER PACKAGE...
set -euo pipefail
for tool in apt-get dpkg-deb; do
    command -v $tool > /dev/null || { echo "debian_unpack: $tool is not here: this is no Debian" >&2; exit 1; }
done
architecture=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
shift 2
apt=$(mktemp -d)
trap 'rm -rf "$apt"' EXIT
mkdir -p "$apt"/{lists,archives}/partial
# A system of its own in which nothing is installed, so that all that is needed is fetched.
options=(
    -qq -o "APT::Architecture=$architecture" -o "APT::Architectures=$architecture" -o APT::Sandbox::User=root
    -o "Dir::State=$apt" -o "Dir::State::status=/dev/null" -o "Dir::Cache=$apt"
)
apt-get "${options[@]}" update
apt-get "${options[@]}" install --yes --download-only --no-install-recommends "$@" > /dev/null
for package in "$apt"/archives/*.deb; do
    dpkg-deb --extract "$package" "$folder"
done
