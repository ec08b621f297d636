#!/usr/bin/env bash
# pull-datasync.sh
# Brings directories of the master web server to this one, through an S3 bucket.
# Takes the place of the script of that name that used rsync and SSH, with the same options at its top and from the same cron line:
#
#   */10 * * * * /opt/scripts/datasync/pull-datasync.sh
#
# on each slave and, other than before, on the master too: servers never talk to each other, so that the master has to publish. The same file
# with the same options goes to all of them; the one that is named in master_webserver= publishes, all others follow.
# How to move over: docs/migrate/datasync.md


##########################################
# Server Configuration Options           #
##########################################

# Define the master webserver, by the name that `hostname` shows on it
master_webserver="web01"

# List of directories to keep in sync
# DO NOT include trailing slash!
include_list=( /var/www )

# Output file to monitor datasync status
status="/var/www/html/datasync.status"


##########################################
# Options that rsync did not have        #
##########################################

# The bucket, the same for all servers: s3://bucket/prefix, or file:///directory on a mount that all have.
# Empty: FLOCKSYNC_BUCKET of /etc/flocksync.env, where the credentials are.
bucket=""

# For another provider than AWS: https://s3.example.net. Empty: AWS_ENDPOINT_URL of /etc/flocksync.env,
# or AWS. And its region; empty: us-east-1.
endpoint=""
region=""

# What stays out, in gitignore syntax, relative to each directory of the list: exclude_list=( "cache/" "*.log" )
exclude_list=( )

# Name of this server. Empty: what `hostname` shows.
this_server=""

# How many minutes a report of success holds. Longer than the pause between two runs.
good_minutes=25

# The program, and the directory of its config and journals
flocksync="/usr/local/bin/flocksync"
home="/var/lib/flocksync-datasync"


##########################################
# End User Configuration Settings        #
##########################################

# shellcheck source=scripts/datasync.sh
. "$(dirname "$(readlink -f "$0")")/datasync.sh" || exit 70
datasync_pull
