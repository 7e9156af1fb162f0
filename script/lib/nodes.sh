# nodes.sh -- sourced by script/run: a cluster on one machine, for who wants to try.

# The database lies in a folder of its own, on a socket there. PostgreSQL refuses to run as root: then it runs as `postgres`.
postgres_bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
as_postgres() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

start_database() {
    local folder=$1
    if [ ! -e "$folder/pg/PG_VERSION" ]; then
        mkdir -p "$folder"
        [ "$(id -u)" != 0 ] || chown postgres "$folder"
        as_postgres "$postgres_bin/initdb" -D "$folder/pg" -A trust -U postgres -E UTF8 --locale=C.UTF-8 --data-checksums >"$folder.initdb.log" 2>&1 ||
            { cat "$folder.initdb.log" >&2; return 1; }
    fi
    if ! as_postgres "$postgres_bin/pg_ctl" -D "$folder/pg" status >/dev/null 2>&1; then
        as_postgres "$postgres_bin/pg_ctl" -D "$folder/pg" -w -l "$folder/log" -o "-k $folder -h ''" start >/dev/null 2>&1 </dev/null ||
            { tail "$folder/log" >&2; return 1; }
    fi
}

# In a short folder: the name of a socket has room for 107 characters.
socket_folder() {
    if [ ${#1} -lt 80 ]; then echo "$1"; else echo "${TMPDIR:-/tmp}/musicstream-database-$(id -u)"; fi
}

# node_start NUMBER: in a session of its own, so that Ctrl-C reaches this script only, which then stops all in order.
node_start() {
    local number=$1
    setsid build/release/musicstream serve --music "$cluster_music" --data "$cluster_folder/node$number" --listen "127.0.0.1:$((8483 + number))" \
        --public-url "http://127.0.0.1:$((8483 + number))" \
        --cluster-listen "127.0.0.1:$((8583 + number))" --cluster-key-file "$cluster_folder/key" --cluster-profile fast \
        --database "postgresql://postgres@/postgres?host=$cluster_database" "${cluster_options[@]}" \
        > >(sed -u "s/^/node $number: /") 2>&1 </dev/null &
    cluster_pids[number]=$!
}

node_is_there() { kill -0 "${cluster_pids[$1]}" 2>/dev/null; }

stop_nodes() {
    local number
    trap - INT TERM EXIT
    say "Stopping..."
    for number in "${!cluster_pids[@]}"; do kill -TERM "${cluster_pids[number]}" 2>/dev/null || true; done
    for number in "${!cluster_pids[@]}"; do wait "${cluster_pids[number]}" 2>/dev/null || true; done
    as_postgres "$postgres_bin/pg_ctl" -D "$cluster_database/pg" -m fast -w stop >/dev/null 2>&1 || true
}

tell_nodes() {
    local number
    for number in "${!cluster_pids[@]}"; do
        if node_is_there "$number"; then
            say "  node $number: http://127.0.0.1:$((8483 + number))   kill -9 ${cluster_pids[number]}"
        else
            say "  node $number: it ended; type $number and Enter to start it again"
        fi
    done
    say "  build/release/musicstream cluster status --data $cluster_folder/node1"
}

# run_nodes COUNT FOLDER MUSIC OPTION...
run_nodes() {
    local count=$1 number line
    cluster_folder=$2 cluster_music=$3
    shift 3
    cluster_options=("$@") cluster_pids=()
    mkdir -p "$cluster_folder"
    cluster_folder=$(realpath "$cluster_folder")
    cluster_database=$(socket_folder "$cluster_folder/database")
    [ -n "$postgres_bin" ] || { say "PostgreSQL's programs are missing: install postgresql-15"; return 1; }
    start_database "$cluster_database"
    [ -e "$cluster_folder/key" ] || build/release/musicstream cluster keygen "$cluster_folder/key" >/dev/null
    trap 'stop_nodes; exit 0' INT TERM
    trap stop_nodes EXIT
    for ((number = 1; number <= count; number++)); do node_start "$number"; done
    sleep 3
    tell_nodes
    while :; do
        line=
        # Without a terminal it only waits.
        if [ -t 0 ]; then read -r line || true; else sleep 1; fi
        case $line in
        [1-9]) [ "$line" -gt "$count" ] || node_is_there "$line" || node_start "$line" ;;
        esac
        [ -z "$line" ] && [ ! -t 0 ] || tell_nodes
    done
}
