#!/bin/sh
# reproducible.sh LOGICAL_ID… builds the functions again from a copy of the checkout in another folder. It fails if a binary differs
# from that of `sam build`, because every deployment would then publish every function, changed or not.
set -eu

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$copy"

for function in "$@"; do
  (cd "$copy" && infra/tools/build-function.sh "$function" "$copy/built")
  if ! cmp "$copy/built/bootstrap" ".aws-sam/build/$function/bootstrap"; then
    echo "latchkey: the binary of $function depends on the folder in which it was built" >&2
    exit 1
  fi
done
echo "builds in another folder produce the same binaries: $*"
