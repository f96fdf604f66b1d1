#!/bin/sh
# The main job on the sample day, with transcripts from a local Twilio, then some answers from its
# tables. It is run from the project's folder, with bin/flexbeam built.
set -eu
mkdir -p out
rm -f out/demo.duckdb out/demo.duckdb.wal out/twilio.txt
day=testdata/day.ndjson.gz

bin/flexbeam local twilio --addr 127.0.0.1:0 --chats "$day" > out/twilio.txt &
twilio=$!
trap 'kill "$twilio" 2> /dev/null || true' EXIT
until grep -q transcripts out/twilio.txt; do
	kill -0 "$twilio"
	sleep 0.1
done
eval "$(grep '^ *export ' out/twilio.txt)"
url=$(sed -n 's/^Twilio at \([^,]*\),.*/\1/p' out/twilio.txt)

bin/flexbeam run --source "file:$day" --sink duckdb:out/demo.duckdb --as-of 2026-03-03T00:00:00Z --turns "missing?endpoint=$url"
for q in demo/*.sql; do
	sed -n 's/^-- /\n/p' "$q"
	bin/flexbeam query --db out/demo.duckdb -f "$q"
done
