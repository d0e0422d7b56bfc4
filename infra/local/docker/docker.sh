#!/bin/sh
# docker.sh --install sees to it that the tests in containers can run: an engine answers, or there is one to be started by root, and a
# static busybox for an image of our own. What is missing it installs from Debian, which takes root. Without --install it only looks.
set -eu

ready() {
  docker version >/dev/null 2>&1 && return
  [ "$(id -u)" = 0 ] && command -v docker >/dev/null && command -v dockerd >/dev/null && command -v busybox >/dev/null
}

install_docker() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  echo "installing Docker's engine"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -qq -y --no-install-recommends docker.io iptables busybox-static ca-certificates >/dev/null
  # Newer releases have the client in a package of its own.
  command -v docker >/dev/null || apt-get install -qq -y --no-install-recommends docker-cli >/dev/null
}

ready && exit
if [ "${1-}" = --install ] && install_docker; then
  ready && exit
fi
echo "latchkey: no Docker engine answers, and none can be started: install Docker" >&2
exit 1
