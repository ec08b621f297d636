#!/usr/bin/env node
// Plain old syntax on purpose: a Node that is too old must still be able to read this file and say so.
var major = Number(process.versions.node.split('.')[0]);
if (major < 20) {
  process.stderr.write(
    'flocksync needs Node.js 20 or newer; this is ' + process.versions.node + '. Install a newer Node.js and run it again.\n',
  );
  process.exit(2);
}
import('./flocksync.js').then(function (program) {
  return program.main();
});
