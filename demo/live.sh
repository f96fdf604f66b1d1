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

. demo/lib.sh

server='' sender='' job=''
trap 'for p in $server $sender $job; do kill -9 "$p" 2> /dev/null || true; done' EXIT

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
    rows
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
serve_stream

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
now_passed
await 120 'the job to read all' read_up_to "$now"
kill -TERM "$job"
wait "$job" || fail "run failed, see $out.log"
job=''
sleep 0.5 # for its last lines

compare "$now" "${history[@]}"
