#!/usr/bin/env bash
# Counts the words of the Jargon File, sixty times over so that there is something to watch, on the embedded log; then reads the same table with
# sqlite3: examples/demo.sh PROGRAM
set -euo pipefail
program=$1
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
for _ in {1..60}; do gunzip -c /usr/share/doc/jargon-text/jargon.txt.gz; done >"$directory/jargon.txt"

printf '\n%s %s --state %s\n' "$program" jargon.txt "$directory/state" >&2
"$program" "$directory/jargon.txt" --state "$directory/state"

sql='' all=''
for store in "$directory"/state/stores/counts/*.sqlite; do
  name=p$(basename "$store" .sqlite)
  sql+="ATTACH '$store' AS $name;"
  all+="${all:+ UNION ALL }SELECT key, value FROM $name.counts"
done
printf '\nthe same table, read with sqlite3:\n' >&2
sqlite3 :memory: "$sql SELECT format('%8d  %s', value, key) FROM ($all) ORDER BY value DESC, key LIMIT 10"
