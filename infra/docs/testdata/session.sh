# A bash session that runs each file named on descriptor 3, and prints a NUL after its output. A failure ends the session.
set -euo pipefail
while read -r -u 3 file; do
  . "$file"
  printf '\0'
done
