// Watches over one command (npm test, npm start, a demo) from outside: when its process is gone, however it went, everything
// that it started is ended. The command holds the other end of this process's standard input, and its children carry a mark
// in their environment. When npm itself is killed, the command gets SIGTERM.
//   node guard.mjs MARK COMMAND_PID [NPM_PID]
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const [mark, commandPid, npmPid] = process.argv.slice(2);
const pollMs = 500;
const patienceMs = { nodeProcesses: 20_000, servers: 20_000, command: 45_000 };

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => {});
process.stdin.resume();
const commandGone = new Promise((resolve) => {
  process.stdin.once('end', resolve);
  process.stdin.once('error', resolve);
});

if (npmPid !== undefined) void endWithNpm();
await commandGone;
await endEverything();
process.exit(0);

/** npm cannot hand on a SIGKILL: its disappearance is the signal. */
async function endWithNpm() {
  while (isAlive(npmPid)) await sleep(pollMs);
  send(commandPid, 'SIGTERM');
  await sleep(patienceMs.command);
  send(commandPid, 'SIGKILL');
}

/** Programs first, because they give work back to the servers; then the servers, which write everything down. */
async function endEverything() {
  const found = markedProcesses();
  const isServer = ({ command }) => /\bpostgres\b|\b(redis|valkey)-server\b/.test(command);
  const programs = found.filter((one) => !isServer(one));
  for (const { pid } of programs) send(pid, 'SIGTERM');
  await waitUntilGone(programs, patienceMs.nodeProcesses);
  const servers = markedProcesses().filter(isServer);
  // A backend of PostgreSQL ends with its server; SIGINT is the server's fast shutdown.
  for (const { pid, command } of servers)
    if (!command.startsWith('postgres:')) send(pid, /redis|valkey/.test(command) ? 'SIGTERM' : 'SIGINT');
  await waitUntilGone(servers, patienceMs.servers);
  for (const { pid } of [...programs, ...markedProcesses()]) send(pid, 'SIGKILL');
}

async function waitUntilGone(processes, milliseconds) {
  const deadline = Date.now() + milliseconds;
  while (processes.some(({ pid }) => isAlive(pid)) && Date.now() < deadline) await sleep(50);
}

/** Every process with the mark, and every descendant of one: a child may have been given another environment. */
function markedProcesses() {
  const all = listProcesses().filter(({ pid }) => pid !== process.pid);
  const wanted = new Set(all.filter(({ marked }) => marked).map(({ pid }) => pid));
  for (let size = -1; size !== wanted.size; ) {
    size = wanted.size;
    for (const { pid, parent } of all) if (wanted.has(parent)) wanted.add(pid);
  }
  return all.filter(({ pid }) => wanted.has(pid));
}

function listProcesses() {
  return process.platform === 'linux' ? fromProc() : fromPs();
}

function fromProc() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const read = (file) => readFileSync(`/proc/${name}/${file}`, 'utf8');
        // The name in brackets may itself hold brackets and spaces; state and parent follow the last one.
        const [state, parent] = read('stat').split(')').at(-1).trim().split(' ');
        if (state === 'Z') return [];
        const marked = read('environ').split('\0').includes(`CHECKOUT_GUARD=${mark}`);
        return [{ pid: Number(name), parent: Number(parent), command: read('cmdline').replaceAll('\0', ' '), marked }];
      } catch {
        // Gone meanwhile, or another user's.
        return [];
      }
    });
}

function fromPs() {
  const lines = execFileSync('ps', ['-axEww', '-o', 'pid=,ppid=,command='], { encoding: 'utf8', maxBuffer: 1e8 });
  return lines.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line);
    if (match === null) return [];
    const [, pid, parent, command] = match;
    return [{ pid: Number(pid), parent: Number(parent), command, marked: command.includes(`CHECKOUT_GUARD=${mark}`) }];
  });
}

function isAlive(pid) {
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
  if (process.platform !== 'linux') return true;
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(')').at(-1).trim()[0] !== 'Z';
  } catch {
    return false;
  }
}

function send(pid, name) {
  try {
    process.kill(Number(pid), name);
  } catch (error) {
    if (error.code !== 'ESRCH') console.error(`Process ${pid} could not be ended: ${error.message}`);
  }
}
