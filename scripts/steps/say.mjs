/** Progress on stderr, so that stdout stays for what the command is about. */
export const say = (message) => process.stderr.write(`${message}\n`);

/** Prints a sentence and ends the process. */
export function fail(message) {
  say(message);
  process.exit(1);
}

/** A bar with time left on a terminal; a plain line every fifth of the way otherwise. Returns a function of the share done. */
export function progressBar(label) {
  const started = Date.now();
  let last = -1;
  return (share) => {
    const percent = Math.floor(share * 100);
    if (process.stderr.isTTY) {
      const seconds = share > 0 ? Math.round(((Date.now() - started) / 1000) * (1 / share - 1)) : 0;
      const bar = '#'.repeat(Math.floor(share * 30)).padEnd(30, '.');
      process.stderr.write(
        `\r${label} [${bar}] ${String(percent).padStart(3)} %, ${seconds} s left  ${share >= 1 ? '\n' : ''}`,
      );
    } else if (Math.floor(percent / 20) > last) {
      last = Math.floor(percent / 20);
      say(`${label} ${percent} %`);
    }
  };
}
