#!/usr/bin/env bash
# push-datasync.sh
# Brings directories of the master web server to the slave web servers, through an S3 bucket.
# Takes the place of the script of that name that used rsync and SSH, with the same options at its top and from the same cron line:
#
#   */10 * * * * /opt/scripts/datasync/push-datasync.sh
#
# on the master and, other than before, on each slave too: servers never talk to each other, so that each fetches for itself. The same file
# with the same options goes to all of them; who is named in webservers= follows, the one that is not publishes.
# How to move over: docs/migrate/datasync.md


##########################################
# Server Configuration Options           #
##########################################

# Specify the slave web servers, by the names that `hostname` shows on them
webservers=( web02 web03 web04 web05 )

# List of directories to keep in sync
# DO NOT include trailing slash!
include_list=( /var/www )

# Output file to monitor status
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

# How many minutes a slave may lag behind before the master reports FAILURE and names it. 0: never looks.
lag_minutes=30

# The program, and the directory of its config and journals
flocksync="/usr/local/bin/flocksync"
home="/var/lib/flocksync-datasync"


##########################################
# End User Configuration Settings        #
##########################################

# shellcheck source=scripts/datasync.sh
. "$(dirname "$(readlink -f "$0")")/datasync.sh" || exit 70
datasync_push
