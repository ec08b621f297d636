# What pull-datasync.sh and push-datasync.sh have in common; it lies beside them and is not run by itself.
# shellcheck shell=bash disable=SC2154 # The options stand at the top of the script that reads this file.

# cron's own PATH holds neither the program nor Node.
PATH="${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
export PATH
# Names of shares are made of bytes, the same on all servers.
export LC_ALL=C
beside=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# The package brings a Node of its own, which may be the only one.
node=/opt/flocksync/bin/node
if [ ! -x "$node" ]; then node=node; fi
# What has to be told by this script, besides what flocksync tells by itself.
failure=""
role=""
# Directories of include_list= that are shares in this run, and their names.
directories=()
names=()

datasync_pull() {
  role=subscriber
  if is_this_server "$master_webserver"; then role=publisher; fi
  datasync
}

datasync_push() {
  local name
  role=publisher
  for name in ${webservers[@]+"${webservers[@]}"}; do if is_this_server "$name"; then role=subscriber; fi; done
  datasync
}

datasync() {
  local code=0
  umask 077
  # Where the package puts it.
  if [ "$flocksync" = /usr/local/bin/flocksync ] && [ ! -x "$flocksync" ]; then flocksync=/usr/bin/flocksync; fi
  mkdir -p -- "$home" 2>/dev/null || fail "the directory of home= cannot be made"
  take_list
  refuse_second_master
  if [ ${#directories[@]} -gt 0 ] && [ -x "$flocksync" ]; then
    write_config && run_flocksync sync --no-wait || code=$?
    case $code in
      0 | 1) name_those_behind ;;
      3 | 75) ;;
      *) fail "flocksync ended with code $code" ;;
    esac
  fi
  [ -x "$flocksync" ] || fail "no program at flocksync=; install it, or correct the option"
  report
  if [ "$code" -eq 0 ] && [ -n "$failure" ]; then code=1; fi
  exit "$code"
}

run_flocksync() {
  local command=$1
  shift
  nice -n 19 "$flocksync" "$command" --config "$home/flocksync.yml" "$@"
}

# The first failure is the one that is told.
fail() {
  if [ -z "$failure" ]; then failure=$1; fi
  return 1
}

# ---- which server this is ------------------------------------------------------------------------------------------------------------

own_name() {
  if [ -n "$this_server" ]; then printf '%s' "$this_server"; else hostname; fi
}

# By name, short or full. Of an address, or another name in /etc/hosts, by whether it is an address of this machine.
is_this_server() {
  local own address
  own=$(own_name)
  if [ "$1" = "$own" ] || [ "$1" = "${own%%.*}" ] || [ "${1%%.*}" = "$own" ]; then return 0; fi
  if [ -n "$this_server" ]; then return 1; fi
  if [ "$1" = "$(hostname -f 2>/dev/null)" ]; then return 0; fi
  for address in $(getent ahosts "$1" 2>/dev/null | awk '{ print $1 }' | sort -u); do
    case " 127.0.0.1 127.0.1.1 ::1 $(hostname -I 2>/dev/null) " in *" $address "*) return 0 ;; esac
  done
  return 1
}

# Two servers that both take themselves for the master would each publish what it has.
refuse_second_master() {
  local other
  if [ "$role" != publisher ] || [ -e "$home/state/member.json" ] || [ ${#directories[@]} -eq 0 ]; then return; fi
  if [ ! -x "$flocksync" ] || ! write_config; then return; fi
  other=$(run_flocksync status --json 2>/dev/null | "$node" "$beside/datasync-members.mjs" publisher "$(own_name)") || return 0
  if [ -z "$other" ]; then return; fi
  fail "$(own_name) would publish, but $other is the master already; name this server in webservers= or in this_server="
  directories=()
}

# ---- which directories ---------------------------------------------------------------------------------------------------------------

# Entries inside another entry are part of it, as they were for rsync.
take_list() {
  local entry other inside list=()
  for entry in ${include_list[@]+"${include_list[@]}"}; do
    while [ "$entry" != / ] && [ "${entry%/}" != "$entry" ]; do entry=${entry%/}; done
    case $entry in
      / | [!/]* | '' | *$'\n'*) fail "include_list= has an entry that is no absolute path below /" ;;
      *) list+=("$entry") ;;
    esac
  done
  if [ ${#list[@]} -eq 0 ]; then fail "include_list= names no directory"; fi
  for entry in ${list[@]+"${list[@]}"}; do
    inside=no
    for other in "${list[@]}"; do case $entry in "$other"/*) inside=yes ;; esac; done
    for other in ${directories[@]+"${directories[@]}"}; do if [ "$other" = "$entry" ]; then inside=yes; fi; done
    if [ "$inside" = no ] && may_begin "$entry"; then
      directories+=("$entry")
      names+=("$(share_name "$entry")")
    fi
  done
}

# A master that has never published a directory must not begin with one that is not there, or not mounted: the slaves would follow it.
# Later on flocksync itself knows what belongs there.
may_begin() {
  if [ "$role" != publisher ] || [ -e "$home/state/$(share_name "$1").journal" ]; then return 0; fi
  if [ ! -d "$1" ]; then fail "a directory of include_list= does not exist on the master"; return; fi
  if is_empty "$1"; then fail "a directory of include_list= is empty on the master; is it mounted?"; return; fi
}

# What this script itself leaves in a directory does not count.
is_empty() {
  local entry
  for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    if [ "$entry" -ef "$status" ] || [ "$entry" = "$1/.${status##*/}.datasync" ] || [ "$entry" = "$1/.flocksync" ]; then continue; fi
    if [ -e "$entry" ] || [ -L "$entry" ]; then return 1; fi
  done
}

# The same on all servers, and another one for each path: /var/www is var-www; what is no plain path gets a checksum.
share_name() {
  local plain=${1#/}
  case $plain in
    bell | *[!A-Za-z0-9/]*) ;;
    *) if [ ${#plain} -le 50 ]; then printf '%s' "${plain//\//-}"; return; fi ;;
  esac
  plain=${plain//[!A-Za-z0-9]/-}
  printf 'd%s-%s' "${plain:0:40}" "$(printf '%s' "$1" | cksum | cut -d ' ' -f 1)"
}

# ---- the config ----------------------------------------------------------------------------------------------------------------------

# A text in double quotes for YAML, in which flocksync expands nothing.
quoted() {
  local text=$1 dollar='$'
  text=${text//\\/\\\\}
  text=${text//\"/\\\"}
  text=${text//"${dollar}{"/"${dollar}${dollar}{"}
  printf '"%s"' "$text"
}

# A directory as `path:` of a share, where a wildcard would stand for several.
plain_path() {
  local text=$1 wildcard
  text=${text//\\/\\\\}
  for wildcard in '*' '?' '[' '{'; do text=${text//"$wildcard"/"\\$wildcard"}; done
  printf '%s' "$text"
}

# One path as a line of gitignore syntax.
pattern() {
  local text=$1
  text=${text//\\/\\\\}
  text=${text//\[/\\[}
  printf '%s' "$text"
}

# The report itself, and the file that becomes it, stay out of the directory in which they lie.
own_files() {
  local directory=$1 spelling base
  base=${status##*/}
  for spelling in "$status" "$(realpath -m -- "$status" 2>/dev/null)"; do
    case $spelling in
      "$directory"/*) printf '%s\n' "${spelling#"$directory"}" "$(dirname "${spelling#"$directory"}")/.$base.datasync" ;;
    esac
  done | sed 's,^//,/,' | sort -u
}

config() {
  local at line
  printf '# Written by %s at each run: change the options at its top, not this file.\n' "$(quoted "$0")"
  printf 'federation: datasync\nmember: %s\nstate: %s\n' "$(quoted "$(own_name)")" "$(quoted "$home/state")"
  # The variable is expanded by flocksync, which says so where it is missing.
  # shellcheck disable=SC2016
  if [ -n "$bucket" ]; then at=$(quoted "$bucket"); else at='"${FLOCKSYNC_BUCKET}"'; fi
  printf 'datastore:\n  url: %s\n' "$at"
  if [ -n "$region" ]; then printf '  region: %s\n' "$(quoted "$region")"; fi
  if [ -n "$endpoint" ]; then printf '  endpoint: %s\n' "$(quoted "$endpoint")"; fi
  printf 'shares:\n'
  for ((at = 0; at < ${#directories[@]}; at++)); do
    printf '  - name: %s\n    path: %s\n    role: %s\n' "$(quoted "${names[at]}")" "$(quoted "$(plain_path "${directories[at]}")")" "$role"
    printf '    statusFile: { path: %s, goodFor: %sm }\n    exclude:\n' "$(quoted "$home/report")" "$good_minutes"
    for line in ${exclude_list[@]+"${exclude_list[@]}"}; do printf '      - %s\n' "$(quoted "$line")"; done
    own_files "${directories[at]}" | while IFS= read -r line; do printf '      - %s\n' "$(quoted "$(pattern "$line")")"; done
    # Left out anyway; a list without any item is no list.
    printf '      - ".flocksync/"\n'
  done
}

# A file that says the same is left alone.
write_config() {
  config >"$home/flocksync.yml.new" 2>/dev/null || { fail "nothing can be written to home="; return; }
  if cmp -s "$home/flocksync.yml.new" "$home/flocksync.yml"; then rm -f "$home/flocksync.yml.new"; return; fi
  mv -f "$home/flocksync.yml.new" "$home/flocksync.yml" || fail "nothing can be written to home="
}

# ---- the report ----------------------------------------------------------------------------------------------------------------------

# A master that names its slaves looks whether they have what it published.
name_those_behind() {
  local behind
  if [ "$role" != publisher ] || [ -z "${webservers+set}" ] || [ "${lag_minutes:-0}" -eq 0 ] || [ -n "$failure" ]; then return; fi
  behind=$(run_flocksync status --json 2>/dev/null |
    "$node" "$beside/datasync-members.mjs" behind "$home/behind.json" "$lag_minutes" ${webservers[@]+"${webservers[@]}"}) || return 0
  if [ -n "$behind" ]; then fail "behind for more than $lag_minutes minutes: $behind"; fi
}

# What flocksync tells, or what this script has to say instead.
report() {
  local now text directory place
  now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  text=$(cat -- "$home/report" 2>/dev/null)
  if [ -z "$text" ] && [ -z "$failure" ]; then fail "nothing has been synchronised yet"; fi
  if [ -n "$failure" ]; then
    text="FAILURE : $failure at $now"$'\n'$(tail -n +2 -- "$home/report" 2>/dev/null)
    tell run "$failure"
  else
    rm -f -- "$home/told.run" 2>/dev/null
  fi
  if [ -s "$status" ] && ! head -c 10 -- "$status" 2>/dev/null | grep -qE '^(SUCCESS|FAILURE) :'; then
    tell report "the file of status= is no report of this script and is left as it is"
    return
  fi
  directory=$(dirname -- "$status")
  place="$directory/.${status##*/}.datasync"
  if [ ! -d "$directory" ]; then
    tell report "the directory of status= is not there"
    return
  fi
  if printf '%s\n' "$text" | cmp -s - "$status"; then return; fi
  if { printf '%s\n' "$text" >"$place" && chmod 644 "$place" && mv -f -- "$place" "$status"; } 2>/dev/null; then
    rm -f -- "$home/told.report" 2>/dev/null
  else
    rm -f -- "$place" 2>/dev/null
    tell report "the file of status= cannot be written"
  fi
}

# cron mails every line: what stands is told when it begins, when it changes, and once a day.
tell() {
  local told="$home/told.$1"
  if [ -n "$(find "$told" -mmin -1440 2>/dev/null)" ] && [ "$(cat -- "$told" 2>/dev/null)" = "$2" ]; then return; fi
  printf '%s: %s\n' "$0" "$2" >&2
  printf '%s' "$2" 2>/dev/null >"$told" || true
}
