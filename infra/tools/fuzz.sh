#!/bin/sh
# fuzz.sh N runs each fuzz target of the module with N inputs. The targets run one after the other, because each uses all cores.
# N is a number of inputs and not a time, because Go before 1.27 sometimes reports its own deadline as a failure (golang/go issue
# 75804).
set -eu

grep -rHo --include='*_test.go' --exclude-dir=node_modules '^func Fuzz[A-Za-z0-9_]*' pkg infra functions |
  while IFS=: read -r file declaration; do
    go test -run '^$' -fuzz "^${declaration#func }\$" -fuzztime "${1}x" "./$(dirname "$file")" </dev/null
  done
