# common.sh -- sourced by the scripts: where the project is, and installing what is missing.

set -euo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$project"

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

# packages GROUP...: the names of these groups that are not installed.
missing_packages() {
    local group name
    for group in "$@"; do
        for name in $(sed -n "s/^$group: //p" script/lib/packages); do
            # node and npm may have come from elsewhere than Debian.
            case $name in nodejs) command -v node >/dev/null && continue ;; npm) command -v npm >/dev/null && continue ;; esac
            [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || echo "$name"
        done
    done
}

install_missing() {
    local missing as_root=
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || {
        say "These Debian packages are missing, and there is no apt-get to install them with:"
        echo "$missing" >&2
        exit 1
    }
    [ "$(id -u)" = 0 ] || as_root=sudo
    say "Installing from Debian: $(echo $missing)"
    $as_root apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# build PRESET [TARGET...]: configures when needed, then builds; shows the output only when it fails.
build() {
    local preset=$1 log
    shift
    mkdir -p build
    log=build/$preset.log
    if ! { cmake --preset "$preset" ${MS_CMAKE:-} && cmake --build --preset "$preset" ${*:+--target "$@"}; } >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        say "The $preset build failed; all of its output is in $log"
        return 1
    fi
}
