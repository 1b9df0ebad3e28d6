// Loaded into the processes of a local service: when whoever started them is gone, killed with -9 too, they end as if
// they had been told to. Without this a killed demo leaves workers behind that take up the next demo's run.
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref();
