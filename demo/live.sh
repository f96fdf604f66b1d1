#!/usr/bin/env bash
# Half a day of an invented contact centre, live: local kinesis holds the stream, simulate sends the half day within a minute (or the
# number of seconds given), run turns it into tables and is killed twice on the way. In the end the tables are compared with those of a
# batch over the same records. Needs bin/flexbeam; make demo-live builds it.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
hours=12 # less than a day, so that nothing is too old when it arrives
out=out/demo-live
tables=(engagements customers agents agent_status)

say() { printf '\n== %s\n' "$*"; }
fail() { echo "demo/live.sh: $*" >&2; exit 1; }

# await SECONDS WHAT COMMAND… waits until the command succeeds.
await() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        ((SECONDS < end)) || fail "in vain waited for $what"
        sleep 0.2
    done
}

server='' sender='' job=''
trap 'for p in $server $sender $job; do kill -9 "$p" 2> /dev/null || true; done' EXIT

# show prints the lines of run as they come, but for those of its log, and keeps all of them.
show() {
    while IFS= read -r line; do
        printf '%s\n' "$line" >> "$out.log"
        [[ $line == time=* ]] || printf '   run: %s\n' "$line"
    done
}

start_job() {
    : > "$out.log"
    bin/flexbeam run --source "$stream" --sink "duckdb:$out.duckdb" --state "$out.state" --flush-every 1s --progress plain --log-level info \
        --metrics-addr 127.0.0.1:0 2> >(show >&2) &
    job=$!
    await 60 'the metrics of run' job_serves_metrics
}

job_serves_metrics() {
    kill -0 "$job" 2> /dev/null || fail "run has ended, see $out.log"
    port=$(sed -n 's|.*http://127\.0\.0\.1:\([0-9]*\)/metrics.*|\1|p' "$out.log")
    [[ -n $port ]]
}

kill_job() {
    say "kill -9, with so many rows in the tables:"
    kill -9 "$job" 2> /dev/null || fail "run has ended by itself, see $out.log"
    wait "$job" 2> /dev/null || true
    job=''
    for t in "${tables[@]}"; do
        printf '   %-12s %6s\n' "$t" "$(bin/flexbeam query --db "$out.duckdb" --format csv "SELECT count(*) FROM $t" | tail -n 1)"
    done
}

# read_up_to TIME tells whether the watermark of run has passed a time in Unix seconds: what arrived before is read and in the tables.
read_up_to() {
    local watermark
    exec 3<> "/dev/tcp/127.0.0.1/$port"
    printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3
    watermark=$(awk '$1 == "flexbeam_watermark_timestamp_seconds" { printf "%d", $2 }' <&3)
    exec 3>&-
    ((${watermark:-0} >= $1))
}

mkdir -p out
rm -rf "$out".*

say "A Kinesis-compatible server in memory"
bin/flexbeam local kinesis --addr 127.0.0.1:0 --stream demo --shards 4 > "$out.server" &
server=$!
await 60 'the server' test -s "$out.server"
endpoint=$(sed -n 's/^Kinesis at \(http:[^ ]*\): .*/\1/p' "$out.server")
stream="kinesis:demo?endpoint=$endpoint"
echo "   $stream"

say "The job, and $hours hours of a contact centre in $seconds seconds: disordered, with duplicates and broken records"
start_job
start=$(($(date +%s) + seconds - hours * 3600)) # so that the half day ends when sending ends
history=(--seed 7 --start "$start" --hours "$hours" --tasks 600 --form string --disorder 15m --duplicates 0.05 --dirty 0.002)
bin/flexbeam simulate "${history[@]}" --to "$stream" --speed $((hours * 3600 / seconds)) --progress none 2> "$out.sender" &
sender=$!
for _ in 1 2; do
    sleep $((seconds / 3))
    kill_job
    say "Start it again"
    start_job
done
wait "$sender" || fail "sending failed: $(cat "$out.sender")"
sender=''

say "All is sent; SIGTERM when it is read"
head -n 1 "$out.sender" | sed 's/^/   simulate: /'
while (($(date +%s) % 900 > 880)); do sleep 1; done # a quarter hour that ends meanwhile would be in one of the two databases only
now=$(($(date +%s) + 1)) # rounded up: the last records arrived within this second
await 120 'the job to read all' read_up_to "$now"
kill -TERM "$job"
wait "$job" || fail "run failed, see $out.log"
job=''
sleep 0.5 # for its last lines

say "A batch over the same records"
bin/flexbeam simulate "${history[@]}" --progress none --out "$out.ndjson.gz" 2> /dev/null
bin/flexbeam run --source "file:$out.ndjson.gz" --sink "duckdb:$out.batch.duckdb" --as-of "$now" --progress none 2> "$out.batch.log" ||
    fail "the batch failed, see $out.batch.log"

say "Live and batch, compared cell by cell"
different=0
for t in "${tables[@]}"; do
    for which in "" .batch; do
        bin/flexbeam query --db "$out$which.duckdb" --format csv "FROM $t ORDER BY ALL" > "$out$which.$t.csv"
    done
    verdict=equal
    cmp -s "$out.$t.csv" "$out.batch.$t.csv" || { verdict="DIFFERENT: diff $out.$t.csv $out.batch.$t.csv" different=1; }
    printf '   %-12s %6d rows  %s\n' "$t" $(($(wc -l < "$out.$t.csv") - 1)) "$verdict"
done
exit "$different"
