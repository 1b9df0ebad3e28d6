import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { guardChildren } from '../../scripts/stack/guard.ts';

// Run as a separate process by test/scripts/guard.test.ts: a guarded command with a child and a grandchild, each in its own
// session, so that no signal to the group of the command reaches them.

guardChildren();
const grandchild = `setInterval(() => {}, 1000); console.log('ready')`;
const child = `
  const { spawn } = require('node:child_process');
  spawn(process.execPath, ['-e', ${JSON.stringify(grandchild)}], { detached: true, stdio: 'inherit' });
  setInterval(() => {}, 1000);
`;
const started = spawn(process.execPath, ['-e', child], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
await once(started.stdout, 'data');
console.log(process.env.CHECKOUT_GUARD);
setInterval(() => {}, 60_000);
