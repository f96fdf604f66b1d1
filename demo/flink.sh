#!/usr/bin/env bash
# A day of an invented contact centre on a real Flink: local flink is the cluster, with two slots; local kinesis holds the stream; simulate
# sends the day within a minute (or the number of seconds given); run submits the job. In the middle the TaskManager is killed. In the end
# the tables are compared with those of a batch over the same records. Needs bin/flexbeam; make demo-flink builds it.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
hours=24
out=out/demo-flink
tables=(engagements customers agents agent_status)
. demo/lib.sh

flink='' server='' sender='' job=''
trap 'for p in $job $flink $server $sender; do kill "$p" 2> /dev/null || true; done; wait' EXIT

cluster_is_ready() {
    kill -0 "$flink" 2> /dev/null || fail "the cluster has ended, see $out.flink"
    runner=$(sed -n 's/^ *--runner flink //p' "$out.cluster")
    [[ -n $runner ]]
}

# status prints how the job stands, as a person would ask for it.
status() { bin/flexbeam job status --flink-rest "${runner##* }"; }

job_has() {
    kill -0 "$job" 2> /dev/null || fail "run has ended, see $out.log"
    status 2> /dev/null | grep -q "$1"
}

# read_up_to TIME tells whether the watermark of the job has passed a time in Unix seconds.
read_up_to() {
    local at
    at=$(status 2> /dev/null | awk '$1 == "watermark" { print $2 }')
    [[ $at == 20* ]] && (($(date -d "$at" +%s) > $1))
}

mkdir -p out
rm -rf "$out".*

say "A Flink cluster with two slots: a JobManager, a TaskManager, and Beam's job server (the first time it is downloaded)"
bin/flexbeam local flink --job-port 0 --rest-port 0 --slots 2 --dir "$out.flink" > "$out.cluster" 2> >(sed 's/^/   local flink: /' >&2) &
flink=$!
await 900 'the cluster' cluster_is_ready
echo "   $(head -n 1 "$out.cluster")"

say "A Kinesis-compatible server in memory"
serve_stream

say "The job, with two parts at a time and a checkpoint every two seconds"
bin/flexbeam run --runner flink $runner --flink-parallelism 2 --flink-checkpoint-every 2s \
    --source "$stream" --sink "duckdb:$out.duckdb" --progress none --log-level info 2> >(show >&2) &
job=$!
await 180 'the first checkpoint' job_has '^the last '
status | sed 's/^/   /'

say "$hours hours of a contact centre in $seconds seconds: disordered, with duplicates and broken records"
start=$(($(date +%s) + seconds - hours * 3600)) # so that the day ends when sending ends
history=(--seed 7 --start "$start" --hours "$hours" --tasks 1200 --form string --disorder 15m --duplicates 0.05 --dirty 0.002)
bin/flexbeam simulate "${history[@]}" --to "$stream" --speed $((hours * 3600 / seconds)) --progress none 2> "$out.sender" &
sender=$!
sleep $((seconds / 2))

say "kill -9 of the TaskManager, with so many rows in the tables:"
kill -9 "$(cat "$out.flink/taskmanager-1.pid")"
rows
await 120 'another TaskManager to take over' job_has '[1-9][0-9]* restored'
status | grep -v '^exception' | sed 's/^/   /'

wait "$sender" || fail "sending failed: $(cat "$out.sender")"
sender=''
say "All is sent; SIGTERM when it is read, which stops the job by a savepoint"
head -n 1 "$out.sender" | sed 's/^/   simulate: /'
now_passed
await 240 'the job to read all' read_up_to "$now"
kill -TERM "$job"
wait "$job" || fail "run failed, see $out.log"
job=''
sleep 0.5 # for its last lines

compare "$now" "${history[@]}"
