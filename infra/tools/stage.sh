#!/bin/sh
# stage.sh STAGE [destroy] ends a recipe with one clear line if there is no such stage, or if it is not one to be destroyed.
set -eu

case $1:${2:-deploy} in
  dev:* | staging:* | prod:deploy) ;;
  prod:destroy)
    echo "latchkey: prod is not destroyed from here: its tables are protected, and whoever means it can do it in the console" >&2
    exit 1 ;;
  *)
    echo "latchkey: say which stage: STAGE=dev, STAGE=staging or STAGE=prod" >&2
    exit 1 ;;
esac
