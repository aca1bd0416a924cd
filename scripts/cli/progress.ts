/** Share of the work between two lines where there is no terminal. */
const PLAIN_STEP = 0.25;
const BAR = 30;

/** Shows a build's steps on stderr: a bar that moves on a terminal, a line now and then elsewhere. */
export function showProgress(name: string): (step: string, done?: number, total?: number) => void {
  let shown = '';
  let lastShare = 0;
  return (step, done, total) => {
    if (step !== shown) {
      console.error(`${name}: ${step}`);
      shown = step;
      lastShare = 0;
    }
    if (done === undefined || total === undefined) return;
    const share = done / total;
    if (process.stderr.isTTY) {
      const filled = Math.round(share * BAR);
      const end = done === total ? '\n' : '';
      process.stderr.write(`\r  [${'#'.repeat(filled)}${' '.repeat(BAR - filled)}] ${done}/${total}${end}`);
    } else if (share - lastShare >= PLAIN_STEP) {
      console.error(`${name}: ${step}, ${done} of ${total}`);
      lastShare = share;
    }
  };
}
