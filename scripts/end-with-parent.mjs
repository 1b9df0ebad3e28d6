// Loaded into the processes of a local service: when their parent is gone, killed with SIGKILL too, they end as if
// they had got SIGTERM. Without this a killed demo leaves workers behind that take up the next demo's run.
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref();
