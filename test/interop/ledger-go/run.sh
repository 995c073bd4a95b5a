#!/bin/sh
# Checks a Muniment log with Go's sumdb packages. Needs Go 1.25 or newer.
#
#   run.sh BASE_URL VERIFIER_KEY PROOFS_JSON [all|verify|tamper]
#
# BASE_URL      URL or folder that holds checkpoint and tile/
# VERIFIER_KEY  name+id+base64, as the log shows it
# PROOFS_JSON   file with the proofs to check; byte strings are base64, sizes and indexes numbers:
#   { "inclusion":   [ { "index", "size", "leafHash", "proof": [ hash, ... ] } ],      leaf's sibling first
#     "consistency": [ { "first", "second", "proof": [ hash, ... ] } ],                0 < first <= second
#     "checkpoints": [ "<signed note>" ] }                                             optional
#   inclusion and consistency hold at least one proof each.
set -eu
if [ "$#" -lt 3 ] || [ "$#" -gt 4 ]; then
  sed -n '4p' "$0" >&2
  exit 2
fi
absolute() { case $1 in /* | http://* | https://*) printf '%s' "$1" ;; *) printf '%s/%s' "$PWD" "$1" ;; esac; }
base=$(absolute "$1")
proofs=$(absolute "$3")
cd "$(dirname "$0")"
binary=$(mktemp -d)
trap 'rm -rf "$binary"' EXIT
go build -o "$binary/ledger-go" .
"$binary/ledger-go" -base "$base" -key "$2" -proofs "$proofs" -mode "${4:-all}"
