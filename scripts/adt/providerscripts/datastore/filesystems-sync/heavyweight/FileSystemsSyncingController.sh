#!/bin/sh
# FileSystemsSyncingController.sh ORDER DIR BUCKET: keeps DIR identical on all servers that call it with the same BUCKET. From cron:
#
#   export HOME="${HOME}" && /bin/sleep 2 && ${HOME}/providerscripts/datastore/filesystems-sync/heavyweight/FileSystemsSyncingController.sh '2' '/var/www/html' 'webroot-sync'
#
# One cycle of flocksync is the whole of it: what others did, also while this server was away, what changed here, and housekeeping.
# ORDER tells cron lines apart; each has slept already, and one that finds another at work leaves at once, so nothing waits for it.
# shellcheck source=scripts/adt/providerscripts/datastore/filesystems-sync/flocksync.sh
. "$(dirname "$(readlink -f "$0")")/../flocksync.sh" || exit 70
if [ $# -ne 3 ]; then stop 2 "usage: $called ORDER DIR BUCKET"; fi
step "$2" "$3" sync --no-wait
