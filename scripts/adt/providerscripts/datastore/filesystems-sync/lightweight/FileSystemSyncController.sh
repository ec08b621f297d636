#!/bin/sh
# FileSystemSyncController.sh DIR BUCKET: keeps DIR identical on all servers that call it with the same BUCKET, within a second of each change.
# It stays until it is stopped, and leaves at once where it runs already with the same config, so it may be called as often as you like.
# shellcheck source=scripts/adt/providerscripts/datastore/filesystems-sync/flocksync.sh
. "$(dirname "$(readlink -f "$0")")/../flocksync.sh" || exit 70
if [ $# -ne 2 ]; then stop 2 "usage: $called DIR BUCKET"; fi
prepare lightweight "$1" "$2"
# The lock is the operating system's, and ends with the program.
exec 9>"$place/$(basename "$config").running" || stop 1 "nothing can be written to $place"
flock -n 9 || exit 0
exec "$flocksync" run --config "$config"
