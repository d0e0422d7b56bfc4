#!/bin/sh
# Fetches DynamoDB Local into the folder named as the first argument. It comes inside an npm package whose other contents and 390
# dependencies are of no use here, so the package is not installed: its archive is checked against the hash and unpacked.
set -eu

package=amplify-dynamodb-simulator@2.9.30
integrity=sha512-xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ==

target=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "fetching DynamoDB Local ($package, 57 MB)"
archive=$work/$(cd "$work" && npm pack --silent "$package")
found=sha512-$(node -e '
  const hash = require("crypto").createHash("sha512")
  process.stdout.write(hash.update(require("fs").readFileSync(process.argv[1])).digest("base64"))' "$archive")
if [ "$found" != "$integrity" ]; then
  echo "latchkey: $package is not the archive that was pinned: it has $found" >&2
  exit 1
fi
tar -xzf "$archive" -C "$work" package/emulator
rm -rf "$target"
mkdir -p "$(dirname "$target")"
mv "$work/package/emulator" "$target"
