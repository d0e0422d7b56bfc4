#!/bin/sh
# docker.sh checks that the tests in containers can run: a Docker engine responds, or root can start one and has a static busybox
# for the image. With --install, root on Debian also installs the missing packages.
set -eu

ready() {
  docker version >/dev/null 2>&1 && return
  [ "$(id -u)" = 0 ] && command -v docker >/dev/null && command -v dockerd >/dev/null && command -v busybox >/dev/null
}

install_docker() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  echo "latchkey: installing the Docker engine"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -qq -y --no-install-recommends docker.io iptables busybox-static ca-certificates >/dev/null
  # Newer releases of Debian have the client in a separate package.
  command -v docker >/dev/null || apt-get install -qq -y --no-install-recommends docker-cli >/dev/null
}

ready && exit
if [ "${1-}" = --install ] && install_docker; then
  ready && exit
fi
echo "latchkey: no Docker engine responds, and none can be started: install Docker" >&2
exit 1
