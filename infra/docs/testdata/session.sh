# A bash session that runs each file named on descriptor 3 and ends what it printed with a NUL. What fails ends it.
set -euo pipefail
while read -r -u 3 file; do
  . "$file"
  printf '\0'
done
