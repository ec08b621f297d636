#!/bin/sh
# ProcessOutgoingFilesystemUpdates.sh DIR BUCKET: publishes what changed here, and brings nothing to this disk.
# shellcheck source=scripts/adt/providerscripts/datastore/filesystems-sync/flocksync.sh
. "$(dirname "$(readlink -f "$0")")/../flocksync.sh" || exit 70
if [ $# -ne 2 ]; then stop 2 "usage: $called DIR BUCKET"; fi
step "$1" "$2" sync --only publish
