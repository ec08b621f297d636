#!/bin/sh
# HousekeepAdditionsSyncing.sh DIR BUCKET: makes history of what was processed, and removes what is older than the retention. Each cycle looks after
# that by itself as far as it is due; called by itself it does all that can be done, once a day, for additions and deletions alike.
# shellcheck source=scripts/adt/providerscripts/datastore/filesystems-sync/flocksync.sh
. "$(dirname "$(readlink -f "$0")")/../flocksync.sh" || exit 70
if [ $# -ne 2 ]; then stop 2 "usage: $called DIR BUCKET"; fi
prepare heavyweight "$1" "$2"
if [ -n "$(find "$place/$share.housekept" -mmin -1440 2>/dev/null)" ]; then exit 0; fi
"$flocksync" housekeep "$share" --quiet --config "$config" >/dev/null && : >"$place/$share.housekept"
