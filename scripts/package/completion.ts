import type { CommandSpec } from '../../src/cli/command-spec.ts';
import { commands, commonFlags, jsonFlag } from '../../src/cli/command-table.ts';
import type { Flag } from '../../src/cli/flags.ts';

/** For bash, from the table that the parser and the help screens come from. It asks neither the program nor the bucket, so it is quick. */
export function bashCompletion(): string {
  return `${[head, commandCases(), valueCases(), tail].join('\n')}\n`;
}

const head = `# Completion of flocksync for bash: commands, flags, their values, and the shares of the config.

# One name a line: those that the config spells out, and those that have a journal (a pattern makes more than one).
_flocksync_shares() {
  local config=/etc/flocksync.yml state=/var/lib/flocksync at named journal
  for ((at = 2; at < COMP_CWORD; at++)); do
    if [[ \${COMP_WORDS[at]} == --config ]]; then
      config=\${COMP_WORDS[at + 1]}
      [[ $config == = ]] && config=\${COMP_WORDS[at + 2]}
    fi
  done
  sed -n '/^[[:space:]]*#/d; s/.*\\<name:[[:space:]]*["'\\'']\\{0,1\\}\\([A-Za-z0-9._-]\\{1,\\}\\).*/\\1/p' "$config" 2>/dev/null
  # The last line of a file may lack its end.
  echo
  named=$(sed -n 's/^state:[[:space:]]*["'\\'']\\{0,1\\}\\([^"'\\''#]*[^"'\\''#[:space:]]\\).*/\\1/p' "$config" 2>/dev/null)
  for journal in "\${named:-$state}"/*.journal; do
    [[ -e $journal ]] || continue
    journal=\${journal##*/}
    printf '%s\\n' "\${journal%.journal}"
  done
}

# What may stand here, by its kind: the kind is one of those below, or the words themselves.
_flocksync_offer() {
  local kind=$1 current=$2
  case $kind in
    :file)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      ;;
    :directory)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -d -- "$current")
      ;;
    :user) mapfile -t COMPREPLY < <(compgen -u -- "$current") ;;
    :share) mapfile -t COMPREPLY < <(compgen -W "$(_flocksync_shares)" -- "$current") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$kind" -- "$current") ;;
  esac
}

_flocksync() {
  local command=\${COMP_WORDS[1]} current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  local commands='${commands.map(({ name }) => name).join(' ')}'
  local flags='' words='' value=none
  COMPREPLY=()
  # bash breaks --flag=value into three words.
  if [[ $current == = ]]; then
    current=''
  elif [[ $previous == = ]]; then
    previous=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  if ((COMP_CWORD == 1)); then
    _flocksync_offer "$commands --help --version" "$current"
    return
  fi`;

const tail = `  if [[ $value != none ]]; then
    _flocksync_offer "$value" "$current"
  elif [[ $current == -* ]]; then
    _flocksync_offer "$flags" "$current"
  else
    _flocksync_offer "$words" "$current"
  fi
}
complete -F _flocksync flocksync`;

function commandCases(): string {
  const cases = commands.map((spec) => {
    const flags = flagsOf(spec).flatMap(({ long, short }) => [`--${long}`, ...(short === undefined ? [] : [`-${short}`])]);
    return `    ${spec.name})\n      flags='${flags.join(' ')}'\n      words=${wordsKind(spec)}\n      ;;`;
  });
  return ['  case $command in', ...cases, '  esac'].join('\n');
}

/** A flag that takes a value is followed by nothing but that value; `value` is empty where nothing can be offered. */
function valueCases(): string {
  const cases = commands.flatMap((spec) =>
    flagsOf(spec)
      .filter(({ value }) => value !== undefined)
      .map((flag) => `    ${spec.name}:--${flag.long}) value=${valueKind(flag)} ;;`),
  );
  return ['  case $command:$previous in', ...cases, '  esac'].join('\n');
}

function flagsOf(spec: CommandSpec): readonly Flag[] {
  return [...spec.flags, ...(spec.json ? [jsonFlag] : []), ...commonFlags];
}

function wordsKind({ words }: CommandSpec): string {
  if (/SHARE/.test(words)) return ':share';
  if (/COMMAND/.test(words)) return '$commands';
  if (/PATH|\.CONF/.test(words)) return ':file';
  return choices(words);
}

function valueKind({ long, value = '' }: Flag): string {
  if (long === 'share') return ':share';
  if (long === 'user') return ':user';
  if (value === 'DIR') return ':directory';
  return /^(FILE|PATH)$/.test(value) ? ':file' : choices(value);
}

/** `a|b` names what may stand there; anything else is up to the user. */
function choices(text: string): string {
  return /^[a-z]+(\|[a-z]+)+$/.test(text) ? `'${text.replaceAll('|', ' ')}'` : "''";
}
