#!/usr/bin/env node
// Plain old syntax on purpose: a Node that is too old must still be able to read this file and say so.
var version = process.versions.node.split('.').map(Number);
var major = version[0];
if (major < 20) {
  process.stderr.write(
    'flocksync needs Node.js 20 or newer; this is ' + process.versions.node + '. Install a newer Node.js and run it again.\n',
  );
  process.exit(2);
}
// Its headers make better-sqlite3 12 remove a hook from an environment that is gone: the process aborts at the next collection of garbage.
if (major > 24 || (major === 24 && version[1] >= 19)) {
  process.stderr.write(
    'flocksync does not run on Node.js ' +
      process.versions.node +
      ': its database module would end it. Install Node.js 20, 22, or 24 before 24.19.\n',
  );
  process.exit(2);
}
import('./flocksync.js').then(function (program) {
  return program.main();
});
