# What the demonstrations of streams share. It is read by a script that has set out, the prefix of its files, and tables, those that are
# compared; the script runs in the project's folder.

say() { printf '\n== %s\n' "$*"; }
fail() { echo "$0: $*" >&2; exit 1; }

# await SECONDS WHAT COMMAND… waits until the command succeeds.
await() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        ((SECONDS < end)) || fail "in vain waited for $what"
        sleep 0.2
    done
}

# show prints the lines of run as they come, but for those of its log, and keeps all of them.
show() {
    while IFS= read -r line; do
        printf '%s\n' "$line" >> "$out.log"
        [[ $line == time=* ]] || printf '   run: %s\n' "$line"
    done
}

# rows prints how many rows the tables have.
rows() {
    for t in "${tables[@]}"; do
        printf '   %-12s %6s\n' "$t" "$(bin/flexbeam query --db "$out.duckdb" --format csv "SELECT count(*) FROM $t" | tail -n 1)"
    done
}

# serve_stream starts a Kinesis-compatible server, whose process is server, and sets stream.
serve_stream() {
    bin/flexbeam local kinesis --addr 127.0.0.1:0 --stream demo --shards 4 > "$out.server" &
    server=$!
    await 60 'the server' test -s "$out.server"
    stream="kinesis:demo?endpoint=$(sed -n 's/^Kinesis at \(http:[^ ]*\): .*/\1/p' "$out.server")"
    echo "   $stream"
}

# now_passed sets now, a moment behind all that was sent, in Unix seconds. A quarter hour that ends meanwhile would be in one of two
# databases only.
now_passed() {
    while (($(date +%s) % 900 > 840)); do sleep 1; done
    now=$(($(date +%s) + 1)) # rounded up: the last records arrived within this second
}

# compare AS_OF FLAGS… makes a batch over the history that simulate draws with these flags, and compares it with the job's tables. It
# fails if they differ.
compare() {
    local as_of=$1 different=0 verdict which
    shift
    say "A batch over the same records"
    bin/flexbeam simulate "$@" --progress none --out "$out.ndjson.gz" 2> /dev/null
    bin/flexbeam run --source "file:$out.ndjson.gz" --sink "duckdb:$out.batch.duckdb" --as-of "$as_of" --progress none 2> "$out.batch.log" ||
        fail "the batch failed, see $out.batch.log"
    say "Stream and batch, compared cell by cell"
    for t in "${tables[@]}"; do
        for which in "" .batch; do
            bin/flexbeam query --db "$out$which.duckdb" --format csv "FROM $t ORDER BY ALL" > "$out$which.$t.csv"
        done
        verdict=equal
        cmp -s "$out.$t.csv" "$out.batch.$t.csv" || { verdict="DIFFERENT: diff $out.$t.csv $out.batch.$t.csv" different=1; }
        printf '   %-12s %6d rows  %s\n' "$t" $(($(wc -l < "$out.$t.csv") - 1)) "$verdict"
    done
    return "$different"
}
