#!/bin/sh
# hygiene.sh searches every file of the repository for text that belongs to one machine and not to the project.
set -eu

failed=0

# refuse REASON PATTERN [PATHSPEC…] prints the lines that match PATTERN and makes the script fail. Brackets in the patterns prevent
# this file from matching itself.
refuse() {
  reason=$1 pattern=$2
  shift 2
  if git grep --untracked -InE -e "$pattern" -- "${@:-.}"; then
    echo "latchkey: the lines above contain $reason" >&2
    failed=1
  fi
}

refuse "the address of a package registry" '(registry|proxy|index|files)[.][a-z]+[.](org|com|dev|io)([^a-z]|$)'
refuse "the address of a package registry" '"resolve[d]":|--(extra-)?index[-]url' ':!infra/docs'
refuse "a path of one machine" '(^|[^A-Za-z0-9_.$}/-])/(roo[t]/|hom[e]/|wor[k]/|User[s]/[a-z]+/)'
# The signature of a mail begins with two dashes and a space (RFC 3676 section 4.3).
refuse "white space at the end of a line" '[[:blank:]]$' ':!pkg/mail/templates/*.txt' ':!*.golden'
refuse "a carriage return" "$(printf '\r')$"
refuse "a marker of an unfinished merge" '^(<{7}|>{7}) '

exit $failed
