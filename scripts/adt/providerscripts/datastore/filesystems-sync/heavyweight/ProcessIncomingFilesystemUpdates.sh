#!/bin/sh
# ProcessIncomingFilesystemUpdates.sh DIR BUCKET: brings to this disk what others published, and publishes nothing.
# shellcheck source=scripts/adt/providerscripts/datastore/filesystems-sync/flocksync.sh
. "$(dirname "$(readlink -f "$0")")/../flocksync.sh" || exit 70
if [ $# -ne 2 ]; then stop 2 "usage: $called DIR BUCKET"; fi
step "$1" "$2" sync --only pull
