#!/bin/sh
# hygiene.sh looks through every file of the repository for what belongs to one machine and not to the project.
set -eu

failed=0

# refuse REASON PATTERN [PATHSPEC…] lists the lines that match. The brackets in the patterns keep this file from matching itself.
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
refuse "a path of somebody's machine" '(^|[^A-Za-z0-9_.$}/-])/(roo[t]/|hom[e]/|wor[k]/|User[s]/[a-z]+/)'
# A mail's signature begins with two dashes and a space (RFC 3676 section 4.3).
refuse "white space at the end" '[[:blank:]]$' ':!pkg/mail/templates/*.txt' ':!*.golden'
refuse "a carriage return" "$(printf '\r')$"
refuse "a mark of an unfinished merge" '^(<{7}|>{7}) '

exit $failed
