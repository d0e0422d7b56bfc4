#!/bin/sh
# build-function.sh LOGICAL_ID FOLDER builds one function of template.yaml into FOLDER as Lambda runs it: `sam build` calls this
# from the Makefile. Which folder and architecture is said by the template, so that nothing is said twice.
set -eu

function=$1
artifacts=$2

# property NAME is the function's own value, or else that of Globals: the last one found.
property() {
  sed -n -e "/^Globals:/,/^\$/s/^ *$1: *\[\{0,1\}\([^] #]*\).*/\1/p" -e "/^  $function:/,/^\$/s/^ *$1: *\[\{0,1\}\([^] #]*\).*/\1/p" \
    template.yaml | tail -n 1
}

folder=$(property CodeUri)
case $(property Architectures) in
  arm64) GOARCH=arm64 ;;
  x86_64) GOARCH=amd64 ;;
  *) echo "latchkey: template.yaml gives $function no architecture that is known here" >&2; exit 1 ;;
esac

# Static, for Lambda's image has another libc; without paths, version control state and symbols, so that the same source is the
# same binary and only what changed is deployed.
export GOARCH GOOS=linux CGO_ENABLED=0
export GOFLAGS="-tags=lambda.norpc -trimpath -buildvcs=false '-ldflags=-s -w'"
exec go build -o "$artifacts/bootstrap" "./$folder"
