/**
 * The lock of a root lies in its staging area, beside it: two roots in one directory with shares of one name have the same one, too.
 * `root` is the path as configured. Without full stops.
 */
export function rootInUse(root: string, share: string): { readonly text: string; readonly fix: string } {
  return {
    text: `another flocksync, with another state directory, looks after the root ${root}, or after another root in the same directory by a share of the same name (both use .flocksync-${share} there)`,
    fix: 'Let one config and one state directory look after a root; put two roots with shares of one name into directories of their own, such as /srv/a/html and /srv/b/html',
  };
}
