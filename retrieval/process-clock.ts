import { SteadyClock } from '../domain/steady-clock.ts';

/** Of this process: for deadlines that one of its modules sets and another one keeps. */
export const processClock = new SteadyClock(Date.now(), () => performance.now());
