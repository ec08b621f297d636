#!/usr/bin/env node
// Plain old syntax on purpose: a Node that is too old must still be able to read this file and say so.
var major = Number(process.versions.node.split('.')[0]);
if (major < 20) {
  process.stderr.write(
    'flocksync needs Node.js 20 or newer; this is ' + process.versions.node + '. Install a newer Node.js and run it again.\n',
  );
  process.exit(2);
}
import('node:v8')
  .then(function (v8) {
    // Unasked, V8 lets garbage grow to several times what is in use. Collecting it earlier costs 5 to 20 per cent of processor time and
    // spares a third of the memory, on a machine that is there for other work. A later version might not know this, and would say so
    // on every run.
    if (major > 24) return;
    v8.setFlagsFromString('--heap-growing-percent=30');
  })
  .then(function () {
    return import('./flocksync.js');
  })
  .then(function (program) {
    return program.main();
  });
