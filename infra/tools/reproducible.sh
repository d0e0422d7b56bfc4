#!/bin/sh
# reproducible.sh LOGICAL_ID… builds the functions again from a copy of the checkout in another folder, and fails if a binary differs
# from that of `sam build`: then every deployment would publish every function, changed or not.
set -eu

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$copy"

for function in "$@"; do
  (cd "$copy" && infra/tools/build-function.sh "$function" "$copy/built")
  if ! cmp "$copy/built/bootstrap" ".aws-sam/build/$function/bootstrap"; then
    echo "latchkey: $function is another binary when built elsewhere" >&2
    exit 1
  fi
done
echo "built elsewhere, $* are the same binaries"
