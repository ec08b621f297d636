#!/bin/sh
# ProcessIncomingHistoricalFilesystemUpdates.sh DIR BUCKET: brings to this disk what happened while this server was away; that is no other step
# than bringing what happened just now. Without arguments: for every share that was called here before.
# shellcheck source=scripts/adt/providerscripts/datastore/filesystems-sync/flocksync.sh
. "$(dirname "$(readlink -f "$0")")/../flocksync.sh" || exit 70
if [ $# -eq 2 ]; then
  step "$1" "$2" sync --only pull
  exit
fi
if [ $# -ne 0 ]; then stop 2 "usage: $called [DIR BUCKET]"; fi
check_surroundings
code=0
for config in "$own" "$place"/*.yml; do
  if [ -e "$config" ]; then "$flocksync" sync --only pull --config "$config" || code=$?; fi
done
exit "$code"
