#!/bin/sh
# stage.sh STAGE [destroy] ends a recipe with one line of explanation if STAGE is unknown, or may not be destroyed.
set -eu

case $1:${2:-deploy} in
  dev:* | staging:* | prod:deploy) ;;
  prod:destroy)
    echo "latchkey: refusing to destroy prod. infra/docs/deploy.md describes how to delete it." >&2
    exit 1 ;;
  *)
    echo "latchkey: STAGE is missing or unknown: set STAGE=dev, STAGE=staging or STAGE=prod" >&2
    exit 1 ;;
esac
