#!/bin/sh
# fuzz.sh N tries N inputs on each fuzz target of the module, one target after the other, since each takes all cores. A number and not
# a time: with a time, Go before 1.27 now and then reports its own deadline as a failure (golang/go issue 75804).
set -eu

grep -rHo --include='*_test.go' --exclude-dir=node_modules '^func Fuzz[A-Za-z0-9_]*' pkg infra functions |
  while IFS=: read -r file declaration; do
    go test -run '^$' -fuzz "^${declaration#func }\$" -fuzztime "${1}x" "./$(dirname "$file")" </dev/null
  done
