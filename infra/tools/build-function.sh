#!/bin/sh
# build-function.sh LOGICAL_ID FOLDER builds one function of template.yaml for Lambda into FOLDER. `sam build` calls it through the
# Makefile. The template defines the source folder and the architecture, so that they are defined only once.
set -eu

function=$1
artifacts=$2

# property NAME prints the function's own value if it has one, else that of Globals.
property() {
  sed -n -e "/^Globals:/,/^\$/s/^ *$1: *\[\{0,1\}\([^] #]*\).*/\1/p" -e "/^  $function:/,/^\$/s/^ *$1: *\[\{0,1\}\([^] #]*\).*/\1/p" \
    template.yaml | tail -n 1
}

folder=$(property CodeUri)
case $(property Architectures) in
  arm64) GOARCH=arm64 ;;
  x86_64) GOARCH=amd64 ;;
  *) echo "latchkey: the architecture of $function in template.yaml is unknown" >&2; exit 1 ;;
esac

# The binary is static, because Lambda's image has another libc. It contains no paths, version control state or symbols, so that
# the same source produces the same binary and a deployment publishes only functions that have changed.
export GOARCH GOOS=linux CGO_ENABLED=0
export GOFLAGS="-tags=lambda.norpc -trimpath -buildvcs=false '-ldflags=-s -w'"
exec go build -o "$artifacts/bootstrap" "./$folder"
