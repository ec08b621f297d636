#!/bin/sh
# ActivateConfigDatastoreLightweight.sh: keeps the configuration directory /var/lib/adt-config identical on all servers. From cron, at boot:
#
#   @reboot export HOME="${HOME}" && ${HOME}/providerscripts/datastore/config/ActivateConfigDatastoreLightweight.sh
#
# It stays until it is stopped, and never runs twice.
exec "$(dirname "$(readlink -f "$0")")/../filesystems-sync/lightweight/FileSystemSyncController.sh" /var/lib/adt-config config
