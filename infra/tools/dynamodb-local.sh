#!/bin/sh
# dynamodb-local.sh FOLDER downloads DynamoDB Local into FOLDER. An npm package contains it, together with 390 dependencies that
# are not needed. The package is therefore not installed: the script checks its archive against the hash and unpacks it.
set -eu

package=amplify-dynamodb-simulator@2.9.30
integrity=sha512-xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ==

target=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "downloading DynamoDB Local ($package, 57 MB)"
archive=$work/$(cd "$work" && npm pack --silent "$package")
found=sha512-$(node -e '
  const hash = require("crypto").createHash("sha512")
  process.stdout.write(hash.update(require("fs").readFileSync(process.argv[1])).digest("base64"))' "$archive")
if [ "$found" != "$integrity" ]; then
  echo "latchkey: the archive of $package has the hash $found, want $integrity" >&2
  exit 1
fi
tar -xzf "$archive" -C "$work" package/emulator
rm -rf "$target"
mkdir -p "$(dirname "$target")"
mv "$work/package/emulator" "$target"
