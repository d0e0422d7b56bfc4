#!/bin/sh
# chromium.sh prints the path of the Chromium for the tests: CHROMIUM, or else the first one on PATH. If there is none, the option
# --install installs the package of Debian, which needs root.
set -eu

find_chromium() {
  if [ -n "${CHROMIUM-}" ]; then
    command -v "$CHROMIUM"
    return
  fi
  command -v chromium || command -v chromium-browser || command -v google-chrome
}

# install_chromium writes to standard error, because standard output is for the path.
install_chromium() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  echo "installing Chromium" >&2
  apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium >&2
}

find_chromium && exit
if [ "${1-}" = --install ] && [ -z "${CHROMIUM-}" ] && install_chromium; then
  find_chromium && exit
fi
echo "latchkey: Chromium is missing: install it, or set CHROMIUM to its path" >&2
exit 1
