# What the controllers and their single steps have in common; it is not run by itself.
# shellcheck shell=sh
#
# Where things are:
#   ${HOME}/runtime/flocksync.env             FLOCKSYNC_BUCKET=s3://… and the keys, mode 600; else /etc/flocksync.env
#   ${HOME}/runtime/flocksync.yml             a config of your own, taken as it is where it stands; a share in it has the name BUCKET
#   ${HOME}/runtime/flocksync/BUCKET.yml      the config that is written here otherwise
#   ${HOME}/runtime/flocksync/BUCKET.options  further lines for the share in it, such as: exclude: ["cache/"]
#   ${HOME}/runtime/flocksync/state           journals

# cron's own PATH holds neither the program nor Node.
PATH="${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
export PATH
umask 077
called=$(basename "$0")
own="${HOME:-}/runtime/flocksync.yml"
place="${HOME:-}/runtime/flocksync"

# stop CODE TEXT: told when it begins, when it changes, and once a day, since cron mails every line.
stop() {
  told="$place/$called.$(printf '%s' "${share:-}" | tr -c 'A-Za-z0-9._-' -).told"
  if [ -z "$(find "$told" -mmin -1440 2>/dev/null)" ] || [ "$(cat "$told" 2>/dev/null)" != "$2" ]; then
    printf '%s: %s\n' "$called" "$2" >&2
    # Without a directory to remember it in, it is told again.
    { printf '%s' "$2" >"$told"; } 2>/dev/null || :
  fi
  exit "$1"
}

# prepare MODE DIR BUCKET: sets $config and $share.
prepare() {
  directory=$2
  share=$3
  while [ "$directory" != / ] && [ "${directory%/}" != "$directory" ]; do directory=${directory%/}; done
  case $directory in /?*) ;; *) stop 2 "the directory '$2' is no absolute path below /" ;; esac
  case $share in
    '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) stop 2 "the bucket '$3' names the share: letters, digits, '.', '_' and '-'" ;;
  esac
  check_surroundings
  if [ -e "$own" ]; then
    config=$own
  else
    config="$place/$share.yml"
    if [ "$1" = lightweight ]; then config="$place/$share.lightweight.yml"; fi
    refuse_second_share
    write_config "$1"
  fi
  rm -f "$place/$called.$share.told"
}

check_surroundings() {
  if [ -z "${HOME:-}" ]; then stop 2 'HOME is not set: begin the cron line with export HOME="/root" &&'; fi
  mkdir -p "$place" 2>/dev/null || stop 1 "$place cannot be made"
  if [ -z "${FLOCKSYNC_ENV_FILE+set}" ] && [ -e "$HOME/runtime/flocksync.env" ]; then
    FLOCKSYNC_ENV_FILE="$HOME/runtime/flocksync.env"
    export FLOCKSYNC_ENV_FILE
  fi
  flocksync=${FLOCKSYNC:-$(command -v flocksync)} || flocksync=''
  if [ -z "$flocksync" ]; then stop 2 'there is no program flocksync: install its package, or ln -s /opt/flocksync/dist/main.js /usr/local/bin/flocksync'; fi
  if [ -e "$own" ] || has_setting FLOCKSYNC_BUCKET; then return; fi
  stop 2 "no bucket is known: put FLOCKSYNC_BUCKET=s3://…, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY into $HOME/runtime/flocksync.env, mode 600"
}

# A setting is in the environment, or in the file that flocksync reads; its value is no business of this script.
has_setting() {
  eval "value=\${$1:-}"
  if [ -n "$value" ]; then return 0; fi
  grep -qs "^[[:space:]]*\(export[[:space:]][[:space:]]*\)\{0,1\}$1=." "${FLOCKSYNC_ENV_FILE-/etc/flocksync.env}"
}

# Two shares on one directory would publish each other's changes.
refuse_second_share() {
  for other in "$place"/*.yml; do
    case $other in "$place/$share.yml" | "$place/$share.lightweight.yml" | "$place/*.yml") continue ;; esac
    if grep -qsF "    path: $(quoted "$directory")" "$other"; then
      stop 2 "$directory belongs to $(basename "$other" .yml) already: one directory, one bucket; remove $other if that is over"
    fi
  done
}

# A text in double quotes for YAML, in which flocksync expands nothing.
quoted() {
  # shellcheck disable=SC2016
  printf '"%s"' "$(printf '%s' "$1" | sed -e 's/[\\"]/\\&/g' -e 's/\${/$${/g')"
}

# setting KEY NAME: a line of the config where the variable is set; flocksync itself expands it.
setting() {
  # shellcheck disable=SC2016
  if has_setting "$2"; then printf '%s: "${%s}"\n' "$1" "$2"; fi
}

describe() {
  printf '# Written at each run. A config of your own in %s takes its place.\n' "$own"
  if has_setting FLOCKSYNC_FEDERATION; then setting federation FLOCKSYNC_FEDERATION; else printf 'federation: adt\n'; fi
  printf 'state: %s\ndatastore:\n' "$(quoted "$place/state")"
  { setting url FLOCKSYNC_BUCKET; setting endpoint FLOCKSYNC_ENDPOINT; setting region FLOCKSYNC_REGION; } | sed 's/^/  /'
  printf 'shares:\n  - name: %s\n    path: %s\n    mode: %s\n' "$(quoted "$share")" "$(quoted "$directory")" "$1"
  if [ -e "$place/$share.options" ]; then sed 's/^/    /' "$place/$share.options"; fi
}

# A file that says the same is left alone; two cron lines that begin together write the same.
write_config() {
  describe "$1" >"$config.$$" 2>/dev/null || stop 1 "nothing can be written to $place"
  if cmp -s "$config.$$" "$config"; then
    rm -f "$config.$$"
  else
    mv -f "$config.$$" "$config" || stop 1 "nothing can be written to $place"
  fi
}

# step DIR BUCKET WORDS…: one command for one share.
step() {
  prepare heavyweight "$1" "$2"
  shift 2
  command=$1
  shift
  "$flocksync" "$command" "$share" --config "$config" "$@"
}
